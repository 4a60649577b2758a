"""Is what is said of a message's tries true of all of them, whichever run made them?"""

import pytest
from tests.runtime.doubles import Clock, Shelf
from tests.runtime.test_outbox import BAD, NEVER, OCCASION, Bench, run

from brimwatch.core.moment import Moment
from brimwatch.record.journal_rows import MESSAGE, Kept
from brimwatch.runtime.outbox_queue import END, ENTRY, Message
from brimwatch.runtime.outbox_rows import message_body, read_message

NO_RUNG = Message("a", "pager", ENTRY, OCCASION, Moment(1.0, 2.0, "b"))


async def next_run(first: Bench, away: float) -> Bench:
    """What follows when a run is stopped; its sink works again."""
    await first.outbox.close(1.0, kept=True)
    first.clock.pass_time(away)
    second = Bench(clock=first.clock, shelf=first.shelf)
    second.outbox.take_up(filter(None, map(read_message, first.shelf.of(MESSAGE))))
    return second


def test_tries_and_the_time_since_the_first_that_failed_count_on_over_a_restart() -> None:
    async def test() -> None:
        first = Bench(*[BAD] * 1000)
        first.accept("a")
        await first.until(lambda: len(first.sent) >= 3)
        second = await next_run(first, 7.0)
        (waiting,) = second.outbox.queue
        assert waiting.tries == len(first.sent)
        await second.drained()
        assert waiting.tries == len(first.sent) + 1
        (recovered,) = second.events.since()
        assert recovered.event.facts == {"action": "pager", "failed_seconds": 7.0, "waiting": 0}

    run(test)


def test_a_sink_that_is_still_dead_after_a_restart_is_told_of_once() -> None:
    async def test() -> None:
        first = Bench(*[BAD] * 1000)
        first.accept("a")
        await first.until(lambda: first.sent)
        second = await next_run(first, 7.0)
        second.answers = [BAD, BAD]
        await second.drained()
        assert first.told() + second.told() == ["webhook_delayed", "webhook_recovered"]

    run(test)


def test_a_message_is_kept_no_longer_for_its_tries_and_its_restarts() -> None:
    async def test() -> None:
        bench = Bench(*[BAD] * 1000)
        bench.accept("a")
        accepted = bench.clock()
        for _ in range(3):
            await bench.until(lambda run=bench: run.sent)
            bench = await next_run(bench, 1000.0)
            bench.answers = [BAD] * 1000
        (waiting,) = bench.outbox.queue
        assert waiting.accepted == accepted
        bench.clock.pass_time(600.0)
        await bench.drained()
        assert bench.told() == ["webhook_failed"]

    run(test)


def test_a_message_that_is_given_up_says_why_its_last_try_failed() -> None:
    async def test() -> None:
        bench = Bench(*[BAD] * 1000)
        bench.accept("a")
        await bench.until(lambda: bench.sent)
        bench.clock.pass_time(3600.0)
        await bench.drained()
        facts = bench.events.since()[-1].event.facts
        assert facts["detail"] == f"no try succeeded within 3600s; the last of {len(bench.sent)}: answered 503"

    run(test)


def test_a_message_that_is_given_up_is_one_line() -> None:
    async def test() -> None:
        bench = Bench(NEVER, NEVER)
        bench.accept("a")
        await bench.drained()
        assert bench.told() == ["action_failed"]
        bench.accept("b", purpose=END)
        await bench.drained()
        assert bench.told() == ["action_failed", "webhook_failed"], "no rung ends with the end of an alert"

    run(test)


@pytest.mark.parametrize(
    "body",
    [
        {"tries": -1, "failing": [1.0], "accepted": 7, "last": 5},
        {"tries": "x", "failing": ["a", 2.0, "b"], "accepted": [1.0, None, "b"], "last": None},
        {"tries": None, "failing": [1.0, float("inf"), "b"], "accepted": [float("nan"), 1.0, "b"]},
    ],
)
def test_a_row_that_says_nonsense_of_its_tries_is_a_message_all_the_same(body: dict[str, object]) -> None:
    saved = Clock()()
    found = read_message(Kept("a", message_body(NO_RUNG) | {"occasion": _kept(NO_RUNG)} | body, saved))  # type: ignore[arg-type, operator]
    assert found is not None
    assert (found.tries, found.failing, found.last, found.accepted) == (0, None, "", saved)


def _kept(message: Message) -> object:
    """The occasion as it comes back from a journal."""
    shelf = Shelf(Clock())
    shelf.put(MESSAGE, message.id, message_body(message))
    return shelf.of(MESSAGE)[0].body["occasion"]
