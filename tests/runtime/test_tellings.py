"""Who is told again, and who is told the end?"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.runtime.doubles import Clock, Shelf, put_in, story, subject

from brimwatch.act.send_webhook import Fate, Reply
from brimwatch.act.webhook_message import Occasion
from brimwatch.act.webhook_options import Webhook
from brimwatch.model import Action, Tier
from brimwatch.record.journal_rows import ALERT, Kept
from brimwatch.runtime.memory import GRACE as FOUND_AGAIN
from brimwatch.runtime.outbox import Outbox
from brimwatch.runtime.outbox_queue import AGAIN, END, ENTRY
from brimwatch.runtime.subject import Subject
from brimwatch.runtime.tellings import GRACE, REPEAT, Tellings
from brimwatch.units import Seconds

ALERTS = Action("alerts", "webhook", Webhook("http://127.0.0.1:9/", "alertmanager", tells=True), tells=True)
PAGER = Action("pager", "webhook", Webhook("http://127.0.0.1:9/", tells=True), tells=True)


class Bench:
    """Tellings whose messages wait and are never sent; `sent()` takes what waits away."""

    def __init__(self, clock: Clock | None = None, shelf: Shelf | None = None) -> None:
        self.clock = clock or Clock()
        self.shelf = shelf or Shelf(self.clock)
        self.outbox = Outbox(story()[0], self.shelf, self.clock, self.send)
        self.outbox.configure({"alerts": ALERTS, "pager": PAGER})
        self.tellings = Tellings(self.outbox, self.shelf, self.clock)

    async def send(self, options: Webhook, message_id: str, body: bytes, wall: float) -> Reply:
        await asyncio.Event().wait()
        return Reply(Fate.RETRY, None, None, "", Seconds(0.0))

    def tell(self, who: Subject, action: Action, tier: Tier = Tier.CRITICAL) -> None:
        wall, name = self.clock.wall, who.target.name
        occasion = Occasion("tier_entered", wall, name, None, tier.label, action.name, "entered", {}, "h", wall)
        self.tellings.tell(who, tier, action, occasion)

    def sent(self) -> list[tuple[str, str]]:
        """Action and purpose of what waits, which then waits no more."""
        found = list(self.outbox.queue)
        for message in found:
            self.outbox.queue.remove(message)
        return [(message.action, message.purpose) for message in found]

    def after(self, seconds: float) -> list[tuple[str, str]]:
        self.clock.pass_time(seconds)
        self.tellings.tick(self.clock.mono)
        return self.sent()


def run(test: Callable[[Bench], Awaitable[None]]) -> None:
    async def closed() -> None:
        bench = Bench()
        await test(bench)
        await bench.outbox.close(0.0, kept=True)

    asyncio.run(closed())


def critical() -> Subject:
    return subject(active=(Tier.CRITICAL,))


def test_an_alert_is_repeated_each_minute_and_an_event_is_not() -> None:
    async def test(bench: Bench) -> None:
        one = critical()
        bench.tell(one, ALERTS)
        bench.tell(one, PAGER)
        assert bench.sent() == [("alerts", ENTRY), ("pager", ENTRY)]
        assert bench.after(REPEAT - 1) == []
        assert bench.after(1) == [("alerts", AGAIN)]
        assert bench.after(REPEAT) == [("alerts", AGAIN)]

    run(test)


def test_while_the_sink_is_down_no_repeats_pile_up_and_the_end_still_comes_last() -> None:
    async def test(bench: Bench) -> None:
        one = critical()
        bench.tell(one, ALERTS)
        for _ in range(5):
            bench.clock.pass_time(REPEAT)
            bench.tellings.tick(bench.clock.mono)
        put_in(one)
        bench.tellings.looked(one)
        messages = list(bench.outbox.queue)
        assert [message.purpose for message in messages] == [ENTRY, END]
        assert len({message.series for message in messages}) == 1
        assert messages[1].occasion.ended == bench.clock.wall
        assert messages[1].occasion.started == messages[0].occasion.started
        assert bench.shelf.of(ALERT) == ()

    run(test)


def test_every_telling_webhook_hears_of_the_end_whether_the_tier_is_left_or_the_process_gone() -> None:
    async def test(bench: Bench) -> None:
        one, other = critical(), subject(active=(Tier.CRITICAL,), name="other")
        for who in (one, other):
            bench.tell(who, PAGER)
        bench.sent()
        bench.clock.pass_time(5)
        put_in(one)
        bench.tellings.looked(one)
        bench.tellings.gone(other)
        found = {message.occasion.target: message.occasion for message in bench.outbox.queue}
        assert {one.name for one in found.values()} == {"tier_left"}
        assert found["cache"].sentence == "cache left critical after 5.0s"
        assert found["other"].sentence == "other is gone; it was in critical for 5.0s"
        assert len(bench.tellings) == 0

    run(test)


def test_a_higher_tier_does_not_end_the_alert_of_a_lower_one() -> None:
    async def test(bench: Bench) -> None:
        one = subject(active=(Tier.WARNING,))
        bench.tell(one, ALERTS, Tier.WARNING)
        put_in(one, Tier.WARNING, Tier.CRITICAL)
        bench.tell(one, ALERTS)
        bench.sent()
        bench.tellings.looked(one)
        assert bench.sent() == []
        put_in(one, Tier.WARNING)
        bench.tellings.looked(one)
        (end,) = bench.outbox.queue
        assert (end.purpose, end.occasion.tier) == (END, "critical")

    run(test)


def test_a_tier_that_a_new_configuration_ended_is_told_without_a_look() -> None:
    async def test(bench: Bench) -> None:
        one = critical()
        bench.tell(one, ALERTS)
        bench.sent()
        put_in(one)
        assert bench.after(1) == [("alerts", END)]

    run(test)


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        pytest.param(critical(), [("alerts", AGAIN)], id="the tier still holds: said at once"),
        pytest.param(subject(active=(Tier.WARNING,)), [("alerts", END)], id="another tier holds: ended"),
        pytest.param(None, [], id="not found yet: neither repeated nor ended"),
    ],
)
def test_what_an_earlier_run_left_open_goes_by_what_is_found(
    again: Subject | None, expected: list[tuple[str, str]]
) -> None:
    async def test(bench: Bench) -> None:
        bench.tell(critical(), ALERTS)
        later = Bench(bench.clock, bench.shelf)
        assert later.tellings.take_up(bench.shelf.of(ALERT)) == 1
        if again is not None:
            later.tellings.looked(again)
        assert later.sent() + later.after(1) == expected
        await later.outbox.close(0.0, kept=True)

    run(test)


def test_what_is_not_found_again_is_ended_after_a_while() -> None:
    async def test(bench: Bench) -> None:
        bench.tell(critical(), ALERTS)
        later = Bench(bench.clock, bench.shelf)
        later.tellings.take_up(bench.shelf.of(ALERT))
        assert later.after(GRACE - 1) == []
        assert later.after(1) == [("alerts", END)]
        assert later.shelf.of(ALERT) == ()
        await later.outbox.close(0.0, kept=True)

    run(test)


def test_a_tier_that_is_entered_anew_after_a_restart_is_not_ended_with_the_old_one() -> None:
    async def test(bench: Bench) -> None:
        bench.tell(critical(), ALERTS)
        later = Bench(bench.clock, bench.shelf)
        later.tellings.take_up(bench.shelf.of(ALERT))
        later.tell(critical(), ALERTS)
        assert later.sent() + later.after(GRACE + 1) == [("alerts", ENTRY), ("alerts", AGAIN)]
        await later.outbox.close(0.0, kept=True)

    run(test)


def test_documents_that_say_nonsense_are_passed_over() -> None:
    async def test(bench: Bench) -> None:
        bench.tell(critical(), ALERTS)
        (good,) = bench.shelf.of(ALERT)
        bad = [
            {},
            {**good.body, "of": ["cache", 1]},
            {**good.body, "tier": "none"},
            {**good.body, "occasion": {"wall": "x"}},
        ]
        later = Bench(bench.clock, bench.shelf)
        assert later.tellings.take_up([Kept("x", body, good.saved) for body in bad]) == 0  # type: ignore[arg-type]

    run(test)


def test_an_alert_stays_open_for_as_long_as_its_tier_may_still_be_taken_up() -> None:
    assert GRACE >= FOUND_AGAIN
