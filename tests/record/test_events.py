"""Does the event log keep what happened, in order, and find it again?"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.record.pictures import WALL

import brimwatch
from brimwatch.model import Reason
from brimwatch.record.catalogue import CATALOGUE, Name
from brimwatch.record.events import Event, EventLog, Recorded
from brimwatch.record.sentences import REASONS


def happened(seconds: float, target: str | None = None) -> Event:
    return Event(Name.TARGET_LOST, WALL + seconds, target)


@pytest.fixture
def log() -> EventLog:
    log = EventLog(5)
    for seconds, target in ((0, "a"), (1, "b"), (2, "a"), (3, None)):
        log.add(happened(seconds, target))
    return log


def ids(found: "tuple[Recorded, ...]") -> list[int]:
    return [recorded.id - round(WALL * 1000) for recorded in found]


FIRST = WALL * 1000


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda log: log.since(), [0, 1000, 2000, 3000]),
        (lambda log: log.since(limit=2), [2000, 3000]),
        (lambda log: log.since(target="a"), [0, 2000]),
        (lambda log: log.since(target="a", limit=1), [2000]),
        (lambda log: log.since(FIRST + 1000), [2000, 3000]),
        (lambda log: log.since(FIRST, limit=1), [1000]),
        (lambda log: log.since(WALL + 1), [1000, 2000, 3000]),
        (lambda log: log.since(0), [0, 1000, 2000, 3000]),
        (lambda log: log.since(WALL + 100), []),
        (lambda log: log.since(target="nobody"), []),
    ],
    ids=[
        "everything, oldest first",
        "without since the latest ones",
        "of one target",
        "the latest of one target",
        "after an id, without that one",
        "with since the first ones",
        "from a time on",
        "from the beginning",
        "after the last",
        "of a target without events",
    ],
)
def test_events_are_found(
    log: EventLog, ask: "Callable[[EventLog], tuple[Recorded, ...]]", expected: list[int]
) -> None:
    assert ids(ask(log)) == expected


def test_only_the_latest_are_kept(log: EventLog) -> None:
    for seconds in range(4, 8):
        log.add(happened(seconds))

    assert ids(log.since()) == [3000, 4000, 5000, 6000, 7000]


def test_ids_rise_when_the_clock_stands_or_goes_back() -> None:
    log = EventLog()

    found = [log.add(happened(seconds)).id for seconds in (5, 5, 1)]

    assert ids(log.since()) == [5000, 5001, 5002]
    assert found == sorted(set(found))


def test_a_target_is_found_by_the_name_it_is_shown_under() -> None:
    log = EventLog()
    log.add(happened(0, "bad\n"))

    assert len(log.since(target="bad\ufffd~c53b267c71")) == len(log.since(target="bad\n")) == 1


def test_subscribers_are_told_until_they_leave(log: EventLog) -> None:
    told: list[Recorded] = []
    leave = log.subscribe(told.append)

    recorded = log.add(happened(9))
    leave()
    log.add(happened(10))

    assert told == [recorded]


def test_every_event_is_in_the_catalogue() -> None:
    assert set(CATALOGUE) == set(Name)


def test_every_reason_has_a_meaning() -> None:
    assert set(REASONS) == set(Reason)


def test_every_event_of_the_catalogue_is_told_by_somebody() -> None:
    package = Path(brimwatch.__file__).parent
    tellers = [path for path in package.rglob("*.py") if path.name not in ("catalogue.py", "sentences.py")]
    text = "\n".join(path.read_text() for path in tellers)
    assert [name.name for name in Name if not re.search(rf"\bName\.{name.name}\b", text)] == []


def test_an_earlier_runs_events_come_before_ours_and_ids_go_on_above_theirs() -> None:
    log, told = EventLog(4), list[Recorded]()
    log.subscribe(told.append)
    ours = log.add(happened(0))
    theirs = [Recorded(ours.id + delta, happened(0, "b")) for delta in (-2, -1, 0, 5000)]

    log.take_up(theirs)
    after = log.add(happened(1))

    assert ids(log.since()) == [-1, 0, 5000, 5001]
    assert log.since()[1] == ours
    assert told == [ours, after]
