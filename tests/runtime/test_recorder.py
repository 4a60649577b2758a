"""Does a listener get every row that it asked for, and is one that is slow told what it lost?"""

import asyncio
import json
from typing import Any

import pytest
from tests.core.climbing import TRIM, policy

from brimwatch.config.settings import Match, TargetSpec
from brimwatch.core import recorded as rows
from brimwatch.core.budget import Spent
from brimwatch.model import Decision, ProcessId, Reading, Sample, Tier, Verdict
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Level, Name
from brimwatch.record.events import EventLog
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime import listener as listening
from brimwatch.runtime.listener import Listener
from brimwatch.runtime.recorder import LISTENERS, Recorder
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target

TERMS = rows.Terms(1.0, False, False, "digest", "source")


class House:
    """A recorder with targets that are looked at by hand."""

    def __init__(self) -> None:
        self.events = EventLog()
        self.story = Story(Metrics(), self.events, Log(Format.LOGFMT, Level.ERROR))
        self.recorder = Recorder(self.story, self.events, lambda: TERMS, Spent)
        self.looks = 0

    def subject(self, name: str) -> Subject:
        target = Target(name, TargetSpec(name, Match(), policy()), template=False)
        subject = Subject(target, ProcessId(7, 70), None, 1.0)
        target.subjects[subject.key] = subject
        return subject

    def look(self, subject: Subject, text: str = "") -> None:
        self.looks += 1
        sample = Sample(float(self.looks), {Quantity.RSS: Reading(5, float(self.looks))}, cgroup=text or None)
        if self.story.tap is not None:
            self.story.tap.look(subject, sample, self.looks, None)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "ROOM", 20_000)


def taken(listener: Listener) -> list[dict[str, Any]]:
    async def take() -> bytes:
        pieces = []
        while listener._lines:  # never waits, so that each call may have a loop of its own
            pieces.append(await listener.take(0.0) or b"")
        return b"".join(pieces)

    return [json.loads(line) for line in asyncio.run(take()).splitlines()]


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [row["row"] for row in found]


def test_while_nobody_listens_there_is_no_tap(house: House) -> None:
    assert house.story.tap is None
    listener = house.recorder.open()
    assert house.story.tap is house.recorder
    house.recorder.close(listener)
    assert house.story.tap is None
    house.recorder.close(listener)


def test_how_a_target_stands_is_told_before_its_first_row_and_once(house: House) -> None:
    listener, shop = house.recorder.open(), house.subject("shop")
    house.look(shop)
    house.look(shop)
    assert kinds(taken(listener)) == ["header", "spent", "policy", "target", "state", "look", "look"]


def test_a_second_listener_gets_all_that_it_needs(house: House) -> None:
    first, shop = house.recorder.open(), house.subject("shop")
    house.look(shop)
    second = house.recorder.open()
    house.look(shop)
    assert kinds(taken(second)) == ["header", "spent", "policy", "target", "state", "look"]
    assert kinds(taken(first))[-2:] == ["look", "look"]


def test_only_targets_that_were_asked_for_are_told(house: House) -> None:
    listener = house.recorder.open(["shop"])
    for name in ("other", "shop", "other"):
        house.look(house.subject(name))
    assert {row["target"] for row in taken(listener) if "target" in row} == {"shop"}


def test_budgets_that_other_targets_spend_are_told_to_who_left_them_out(house: House) -> None:
    listener, other = house.recorder.open(["shop"]), house.subject("other")
    house.recorder.spent(other, Spent({("", ""): (5.0,)}))
    assert taken(listener)[-1] == {"row": "spent", "runs": [["", "", [5.0]]]}


def test_events_follow_the_rows_of_targets_that_are_known_to_the_listener(house: House) -> None:
    listener, shop = house.recorder.open(), house.subject("shop")
    house.story.tell(Name.TARGET_LOST, "shop")
    house.look(shop)
    house.story.tell(Name.TARGET_LOST, "shop")
    house.story.tell(Name.WEB_WARNED, detail="nothing of a target")
    assert kinds(taken(listener))[-2:] == ["look", "event"]


def test_a_slow_listener_loses_rows_is_told_how_many_and_then_how_everything_stands(
    house: House, small_room: None
) -> None:
    listener, shop = house.recorder.open(), house.subject("shop")
    for _ in range(100):
        house.look(shop, "x" * 1000)
    first = taken(listener)
    looks = kinds(first).count("look")
    assert 5 < looks < 20
    house.look(shop)
    house.look(shop)
    rest = taken(listener)
    assert kinds(rest) == ["lost", "config", "spent", "policy", "target", "state", "look", "look"]
    assert rest[0]["rows"] == 100 - looks


def test_one_that_lost_rows_gets_no_more_before_half_of_its_room_is_free(house: House, small_room: None) -> None:
    listener, shop = house.recorder.open(), house.subject("shop")
    for _ in range(100):
        house.look(shop, "x" * 1000)
    lost = listener.lost
    listener._size = listening.ROOM * 3 // 4
    house.look(shop)
    assert listener.lost == lost + 1


def test_a_slow_listener_holds_no_more_than_its_room(house: House, small_room: None) -> None:
    listener, shop = house.recorder.open(), house.subject("shop")
    for _ in range(1000):
        house.look(shop, "x" * 1000)
    assert sum(map(len, listener._lines)) < 22_000


def test_a_quick_listener_is_not_held_up_by_a_slow_one(house: House, small_room: None) -> None:
    house.recorder.open()
    quick, shop = house.recorder.open(), house.subject("shop")
    looks = 0
    for _ in range(100):
        house.look(shop, "x" * 1000)
        looks += kinds(taken(quick)).count("look")
    assert looks == 100


def test_there_are_so_many_listeners_and_no_more_until_one_is_stale(house: House) -> None:
    listeners = [house.recorder.open() for _ in range(LISTENERS)]
    assert None not in listeners
    assert house.recorder.open() is None
    listeners[0].taken -= 1000
    assert house.recorder.open() is not None
    assert taken(listeners[0])[0]["row"] == "header"
    assert asyncio.run(listeners[0].take(0.0)) is None


def test_at_the_end_everybody_gets_what_is_left_and_a_last_line(house: House, small_room: None) -> None:
    quick, slow, shop = house.recorder.open(), house.recorder.open(), house.subject("shop")
    for _ in range(100):
        house.look(shop, "x" * 1000)
        taken(quick)
    house.recorder.end("the daemon stopped")
    assert taken(quick) == [{"row": "end", "reason": "the daemon stopped"}]
    assert kinds(taken(slow))[-2:] == ["lost", "end"]
    assert house.story.tap is None


def test_a_row_that_cannot_be_written_is_a_fault_that_is_told_and_disturbs_no_look(house: House) -> None:
    listener, shop = house.recorder.open(), house.subject("shop")
    decision = Decision(Tier.WARNING, TRIM, 0, Verdict.RUN, float("nan"))
    house.recorder.started(shop, decision)
    assert [recorded.event.name for recorded in house.events.since()] == [Name.INTERNAL_FAULT]
    assert listener.lost >= 1
    house.look(shop)
    assert "lost" in kinds(taken(listener))


def test_silence_is_broken_by_a_beat(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brimwatch.runtime.recorder.BEAT", 0.01)

    async def listen() -> list[str]:
        listener = house.recorder.open()
        found = []
        async for lines in house.recorder.stream(listener):
            found += kinds([json.loads(line) for line in lines.splitlines()])
            if found.count("beat") == 2:
                return found
        raise AssertionError("the stream ended")

    assert asyncio.run(listen())[-2:] == ["beat", "beat"]
