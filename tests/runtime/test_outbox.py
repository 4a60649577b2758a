"""Does each message reach its sink once, in spite of all? With a sink that answers as it is told to."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.runtime.doubles import Clock, Shelf, story

from brimwatch.act.send_webhook import Fate, Reply
from brimwatch.act.webhook_message import Occasion
from brimwatch.act.webhook_options import Webhook
from brimwatch.model import Action
from brimwatch.record.events import EventLog
from brimwatch.record.journal_rows import MESSAGE
from brimwatch.runtime.outbox import DROPS_TOLD, Outbox
from brimwatch.runtime.outbox_queue import AGAIN, ENTRY, MOST, Message
from brimwatch.runtime.outbox_rows import read_message
from brimwatch.units import Seconds

OCCASION = Occasion(
    "tier_entered", 1.0, "cache", None, "critical", "pager", "cache entered critical", {"a": 1}, "h", 1.0
)
PAGER = Action("pager", "webhook", Webhook("http://127.0.0.1:9/", tells=True, keep=Seconds(3600.0)), tells=True)
OTHER = Action("other", "webhook", Webhook("http://127.0.0.1:9/", tells=True), tells=True)
GOOD = Reply(Fate.DELIVERED, 204, None, "answered 204", Seconds(0.1))
BAD = Reply(Fate.RETRY, 503, None, "answered 503", Seconds(0.1))
NEVER = Reply(Fate.REFUSED, 404, None, "answered 404", Seconds(0.1))


class Bench:
    """An outbox whose clock stands still while it runs, and whose pauses take no time."""

    def __init__(self, *answers: Reply, clock: Clock | None = None, shelf: Shelf | None = None) -> None:
        self.clock = clock or Clock()
        self.shelf = shelf or Shelf(self.clock)
        self.answers = list(answers)
        self.sent: list[str] = []
        self.story, self.events = story()
        self.outbox = Outbox(self.story, self.shelf, self.clock, self.send, lambda: 0.0)
        self.outbox.configure({"pager": PAGER, "other": OTHER})
        self.hangs: str | None = None

    async def send(self, options: Webhook, message_id: str, body: bytes, wall: float) -> Reply:
        if self.hangs == message_id:
            await asyncio.Event().wait()
        self.sent.append(message_id)
        return self.answers.pop(0) if self.answers else GOOD

    def accept(self, name: str, action: Action = PAGER, purpose: str = ENTRY) -> None:
        self.outbox.accept(Message(name, action.name, purpose, OCCASION, self.clock(), rung=action))

    async def until(self, predicate: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not predicate():
                await asyncio.sleep(0.001)

    async def drained(self) -> None:
        await self.until(lambda: not len(self.outbox.queue))

    def told(self) -> list[str]:
        return names(self.events)


def names(events: EventLog) -> list[str]:
    return [one.event.name.value for one in events.since(limit=1000)]


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def test_a_message_that_is_delivered_is_forgotten_and_its_rung_has_run() -> None:
    async def test() -> None:
        bench = Bench()
        bench.accept("a")
        assert [row.key for row in bench.shelf.of(MESSAGE)] == ["a"]
        await bench.drained()
        assert (bench.sent, bench.shelf.of(MESSAGE), bench.told()) == (["a"], (), ["action_ran"])

    run(test)


def test_tries_go_on_with_the_same_id_and_trouble_is_told_once_and_so_is_its_end() -> None:
    async def test() -> None:
        bench = Bench(BAD, BAD, BAD)
        bench.accept("a")
        await bench.drained()
        assert bench.sent == ["a"] * 4
        assert bench.told() == ["webhook_delayed", "action_ran", "webhook_recovered"]
        facts = bench.events.since()[0].event.facts
        assert (facts["id"], facts["status"], facts["waiting"]) == ("a", 503, 1)

    run(test)


def test_what_is_refused_is_given_up_at_once_with_the_reason() -> None:
    async def test() -> None:
        bench = Bench(NEVER)
        bench.accept("a")
        bench.accept("b")
        await bench.drained()
        assert bench.sent == ["a", "b"]
        assert bench.told() == ["action_failed", "action_ran"]
        assert bench.events.since()[0].event.facts["reason"] == "error"

    run(test)


def test_what_was_not_delivered_in_its_time_is_given_up_whatever_the_wall_clock_says() -> None:
    async def test() -> None:
        bench = Bench(*[BAD] * 1000)
        bench.accept("a")
        await bench.until(lambda: bench.sent)
        bench.clock.wall += 1e8
        sent = len(bench.sent)
        await bench.until(lambda: len(bench.sent) > sent + 2)
        bench.clock.pass_time(3600.0)
        await bench.drained()
        assert bench.told() == ["webhook_delayed", "action_failed"]
        assert bench.events.since()[-1].event.facts["reason"] == "deadline"
        assert bench.shelf.of(MESSAGE) == ()

    run(test)


def test_a_sink_that_hangs_holds_up_no_other() -> None:
    async def test() -> None:
        bench = Bench()
        bench.hangs = "a"
        bench.accept("a")
        bench.accept("b", OTHER)
        await bench.until(lambda: bench.sent == ["b"])
        await bench.outbox.close(0.01, kept=True)
        assert [row.key for row in bench.shelf.of(MESSAGE)] == ["a"]

    run(test)


def test_what_waits_at_a_stop_goes_out_in_the_next_run_with_the_same_id_and_its_age() -> None:
    async def test() -> None:
        first = Bench(*[BAD] * 1000)
        first.accept("a")
        await first.until(lambda: first.sent)
        await first.outbox.close(1.0, kept=True)
        first.clock.pass_time(100.0)

        second = Bench(clock=first.clock, shelf=first.shelf)
        second.outbox.take_up(filter(None, map(read_message, first.shelf.of(MESSAGE))))
        (waiting,) = second.outbox.queue
        assert (waiting.occasion, waiting.accepted.mono) == (OCCASION, first.clock.mono - 100.0)
        await second.drained()
        assert second.sent == ["a"]
        assert second.told() == ["webhook_recovered"], "the rung belonged to the earlier run, which has counted it"

    run(test)


def test_without_a_journal_what_is_lost_at_a_stop_is_said() -> None:
    async def test() -> None:
        bench = Bench(*[BAD] * 1000)
        bench.accept("a")
        await bench.until(lambda: bench.sent)
        await bench.outbox.close(1.0, kept=False)
        assert bench.told() == ["webhook_delayed", "action_failed"]
        assert bench.events.since()[-1].event.facts["reason"] == "stopped"

    run(test)


def test_a_full_queue_drops_the_oldest_and_says_how_many() -> None:
    async def test() -> None:
        bench = Bench()
        bench.hangs = "0"
        for number in range(MOST + 3):
            bench.accept(str(number))
            if number == 0:
                await bench.until(lambda: next(iter(bench.outbox.queue)).flying)
        assert len(bench.outbox.queue) == MOST
        bench.outbox.tick(bench.clock.mono)
        bench.accept("more")
        bench.outbox.tick(bench.clock.mono + 1)
        bench.outbox.tick(bench.clock.mono + DROPS_TOLD)
        drops = [
            one.event.facts["count"] for one in bench.events.since(limit=9999) if one.event.name == "webhook_dropped"
        ]
        assert drops == [3, 1]
        assert len(bench.shelf.of(MESSAGE)) == MOST
        await bench.outbox.close(0.01, kept=True)

    run(test)


def test_a_message_whose_action_is_gone_from_the_configuration_is_given_up() -> None:
    async def test() -> None:
        bench = Bench()
        bench.outbox.configure({})
        bench.accept("a")
        await bench.drained()
        assert bench.sent == []
        assert bench.events.since()[0].event.facts["reason"] == "reloaded"

    run(test)


def test_a_repeat_is_neither_kept_nor_counted() -> None:
    async def test() -> None:
        bench = Bench(NEVER)
        bench.accept("a", purpose=AGAIN)
        assert bench.shelf.of(MESSAGE) == ()
        await bench.drained()
        assert bench.told() == []

    run(test)


def test_a_message_that_breaks_its_sender_is_given_up_and_the_next_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        bench = Bench()
        bench.accept("a")
        bench.accept("b")
        broken = Occasion("tier_entered", float("nan"), "cache", None, "critical", "pager", "", {}, "h", float("nan"))
        next(iter(bench.outbox.queue)).occasion = broken

        def compose(form: str, occasion: Occasion, ends_at: float) -> bytes:
            if occasion is broken:
                raise ValueError("not a time")
            return b"{}"

        monkeypatch.setattr("brimwatch.runtime.outbox.compose", compose)
        await bench.drained()
        assert bench.sent == ["b"]
        assert bench.told() == ["internal_fault", "action_failed", "action_ran"]

    run(test)


def test_in_a_dry_run_nothing_is_sent_before_it_is_over() -> None:
    async def test() -> None:
        bench = Bench()
        bench.outbox.configure({"pager": PAGER}, dry_run=True)
        bench.accept("a")
        await asyncio.sleep(0)
        bench.outbox.take_up([Message("b", "pager", ENTRY, OCCASION, bench.clock())])
        for _ in range(5):
            await asyncio.sleep(0)
        assert bench.sent == []
        bench.outbox.configure({"pager": PAGER})
        await bench.drained()
        assert bench.sent == ["a", "b"]

    run(test)


def test_what_waits_through_a_dry_run_is_kept_no_longer_than_else() -> None:
    async def test() -> None:
        bench = Bench()
        bench.outbox.configure({"pager": PAGER}, dry_run=True)
        bench.accept("a")
        bench.clock.pass_time(3601.0)
        bench.outbox.tick(bench.clock.mono)
        assert (len(bench.outbox.queue), bench.told()) == (0, ["action_failed"])

    run(test)


def test_a_dry_run_that_begins_between_two_tries_stops_them() -> None:
    async def test() -> None:
        bench = Bench(*[BAD] * 1000)
        bench.accept("a")
        await bench.until(lambda: len(bench.sent) > 1)
        bench.outbox.configure({"pager": PAGER}, dry_run=True)
        await bench.until(lambda: not bench.outbox._senders)
        assert len(bench.outbox.queue) == 1

    run(test)
