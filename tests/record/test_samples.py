"""Does every row of a recording read as it was written, and is what nobody of us wrote refused with its reason?"""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.climbing import policy

from brimwatch.core import recorded as rows
from brimwatch.core.decide import Ladder
from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.phases import Phase
from brimwatch.model import (
    Action,
    Attempt,
    Budget,
    Condition,
    Firing,
    Limit,
    Policy,
    ProcessId,
    Reading,
    Reason,
    Sample,
    Threshold,
    Tier,
    TierRule,
    Verdict,
)
from brimwatch.quantity import Quantity
from brimwatch.record.samples_fields import Malformed
from brimwatch.record.samples_read import RowReader
from brimwatch.record.samples_write import RowWriter

TERMS = rows.Terms(0.2, True, False, "abc", "/etc/brimwatch.yaml", 5.0)
KEY = ProcessId(4242, 1234567)
NUMBERS = some.floats(-1e18, 1e18)
TIMES = some.floats(0, 1e9)
NAMES = some.text(some.characters(), max_size=40)  # lone surrogates among them: names that are no UTF-8
READINGS = some.builds(Reading, NUMBERS | some.integers(0, 2**62) | some.just(math.inf), TIMES, some.just(0.2) | TIMES)
SAMPLES = some.builds(
    Sample,
    TIMES,
    some.dictionaries(some.sampled_from(Quantity), READINGS),
    some.none() | some.builds(Limit, some.integers(0, 2**62), some.sampled_from(["cgroup", "machine"])),
    some.none() | some.integers(-(2**40), 2**40),
    some.booleans(),
    some.none() | NAMES,
)
ATTEMPTS = some.builds(
    Attempt, some.sampled_from(Verdict), TIMES, TIMES, some.none() | some.sampled_from(Reason), NAMES,
    some.none() | some.integers(-(2**40), 2**40), some.booleans(),
)  # fmt: skip
STATES = some.builds(
    TierState, some.sampled_from(Phase), some.none() | TIMES, some.integers(0, 9), some.none() | TIMES,
    some.none() | TIMES, TIMES, some.booleans(), some.integers(0, 255),
)  # fmt: skip
JUDGEMENTS = some.builds(
    Judgement, some.lists(STATES, max_size=3).map(tuple), some.sampled_from(Tier), TIMES
)  # fmt: skip
MEMBERS = some.none() | some.integers(0, 63)
KEYS = some.builds(ProcessId, some.integers(0, 2**22), some.integers(0, 2**40))


def action(name: str = "restart") -> Action:
    only_if = Condition((Threshold(Quantity.RSS, 0.95, True),))
    return Action(name, "signal", "options", ends_process=True, only_if=only_if, at_most=Budget(2, 3600.0))


def returned(*written: rows.Row) -> list[rows.Row]:
    writer, reader = RowWriter(), RowReader()
    read = []
    for row in (rows.Header("h", "b", 1.0, 2.0, TERMS, "0.1"), *written):
        line = writer.line(row)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        for number in range(1, writer.policies + 1):
            reader.row(writer.policy_line(number))
        read.append(reader.row(line))
    return read[1:]


LOOKS = some.builds(
    rows.Look, NAMES, KEYS, MEMBERS, TIMES, some.integers(0, 2**40), SAMPLES, some.none() | some.sampled_from(Reason)
)
ANSWERS = some.builds(
    rows.Answered, NAMES, KEYS, MEMBERS, some.sampled_from(Tier), NAMES, some.integers(-1, 9), some.integers(0, 99),
    ATTEMPTS, TIMES,
)  # fmt: skip


@given(LOOKS | ANSWERS)
def test_a_look_and_an_answer_read_as_they_were_written(row: rows.Row) -> None:
    assert returned(row) == [row]


@given(NAMES, KEYS, MEMBERS, some.none() | JUDGEMENTS, some.booleans(), some.none() | SAMPLES, TIMES)
def test_a_standing_reads_as_it_was_written(
    name: str, key: ProcessId, member: int | None, judgement: Judgement | None, shared: bool, sample: Sample | None,
    since: float,
) -> None:  # fmt: skip
    row = rows.Stood(name, key, member, judgement, Ladder(climbs=3), shared, sample, since)
    assert returned(row) == [row]


def test_a_climb_that_runs_reads_as_it_was_written_but_for_what_its_action_does_in_detail() -> None:
    attempt = Attempt(Verdict.RUN, 1.0, 2.0, detail="done", claimed=5)
    firing = Firing(2, Tier.CRITICAL, 1, action(), 1.0, 900, 800, attempt, 4.5)
    row = rows.Stood("shop", KEY, 0, None, Ladder(firing, 2, (1.0, -math.inf, 2.0, 3.0)), True, None, 0.0)
    (read,) = returned(row)
    assert isinstance(read, rows.Stood)
    assert read.ladder.firing.action.options not in ("options", "")
    assert (read.ladder.cooldowns, read.ladder.firing.attempt) == (row.ladder.cooldowns, attempt)
    assert read.ladder.firing.settle_by == 4.5


@pytest.mark.parametrize(
    "row",
    [
        TERMS,
        rows.Joined("shop", KEY, 3, 1.0, 2.0),
        rows.Removed("shop", KEY),
        rows.Passed("shop", KEY, ProcessId(9, 9), True, "comm", "shop.service", 1.0),
        rows.Passed("shop", KEY, ProcessId(9, 9), False, "comm", None, 1.0),
        rows.Counted({("shop", "restart"): (1.5, 2.0), ("", ""): ()}),
        rows.Started("shop", KEY, Tier.WARNING, "trim", 0, 1, 1.0),
        rows.Stopped("shop", KEY),
        rows.Gone("shop", KEY, None, 1.0, 2.0),
        rows.Told("tier_entered", "shop", None, 1.0, {"rss_bytes": 5, "after": "warning"}),
        rows.Lost(17),
        rows.Beat(1.0, 2.0),
        rows.End("its time was over"),
    ],
    ids=lambda row: type(row).__name__,
)
def test_every_other_row_reads_as_it_was_written(row: rows.Row) -> None:
    assert returned(row) == [row]


def test_a_policy_reads_as_it_was_written_but_for_what_its_actions_do_in_detail() -> None:
    tiers = (
        TierRule(Tier.WARNING, Condition((Threshold(Quantity.RSS, 5.0),)), hold=30.0, readings=2),
        TierRule(
            Tier.EMERGENCY,
            Condition((Threshold(Quantity.RSS, 0.9, True), Threshold(Quantity.THREADS, 8.0)), every=True),
            Condition((Threshold(Quantity.RSS, 4.0),)), do=(action(),),
            tell=(Action("pager", "webhook", 1, tells=True),),
        ),
    )  # fmt: skip
    one = Policy("shop", tiers, 5.0, Condition((Threshold(Quantity.RSS, 3.0),)), "each", 4)
    (read,) = returned(rows.Declared("shop", "{comm}", one, 1.0, 2.0, True, False))
    assert isinstance(read, rows.Declared)
    assert (read.policy.tiers[0], read.policy.goal, read.policy.select) == (tiers[0], one.goal, "each")
    assert read.policy.tiers[1].do[0].at_most == Budget(2, 3600.0)
    assert read.policy.tiers[1].when == tiers[1].when


def test_options_of_actions_are_told_apart_and_not_shown() -> None:
    secret = Action("call", "exec", ("curl", "--password=hunter2"))
    writer = RowWriter()
    number = writer.number(policy(tiers=(TierRule(Tier.WARNING, Condition(()), do=(secret,)),)))
    assert b"hunter2" not in writer.policy_line(number)
    assert writer.digest(secret.options) != writer.digest(("curl",))
    assert writer.digest(secret.options) != RowWriter().digest(secret.options)


def test_a_kind_of_row_that_is_not_known_is_passed_over_and_counted() -> None:
    reader = RowReader()
    assert (reader.row(b'{"row":"of tomorrow","x":1}'), reader.unknown) == (None, 1)


def header(**changes: Any) -> dict[str, Any]:
    return json.loads(RowWriter().line(rows.Header("h", "b", 1.0, 2.0, TERMS, "0.1"))) | changes


def a_look(**changes: Any) -> dict[str, Any]:
    row = rows.Look("shop", KEY, None, 1.0, 1, Sample(1.0, {Quantity.RSS: Reading(1, 1.0, 0.2)}))
    return json.loads(RowWriter().line(row)) | changes


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "one JSON object"),
        (b"\x00\xff\xfe", "one JSON object"),
        (b"[1]", "one JSON object"),
        (b'{"row":7}', "row is no text"),
        (b"[" * 100_000, "one JSON object"),
        (header(format="other"), "no recording of ours"),
        (header(version=2), "version 2; this Brimwatch reads version 1"),
        (header(version="x" * 999), "version xxxxxxxxxxxxxxxxxxxx;"),
        (header(interval=0), "interval"),
        (a_look(at=None), "at is no number"),
        (a_look(at=True), "at is no number"),
        (a_look(at=10**400), "at is no number"),
        (a_look(at="1.0"), "at is no number"),
        (a_look(process=[1]), "process is not"),
        (a_look(process=[-1, 2]), "process is not"),
        (a_look(process=[1.5, 2]), "process is not"),
        (a_look(readings=[]), "readings is no object"),
        (a_look(readings={"rss": "a lot"}), "rss is no number"),
        (a_look(readings={"rss": [1, 2]}), "rss is not"),
        (a_look(limit=[1, 2, 3]), "limit is not"),
        (a_look(guard="because"), "guard is no reason"),
        (a_look(target=5), "target is no text"),
        (a_look(target="x" * 10_000), "target is no text"),
        (a_look(tick=1.5), "tick is no whole number"),
        ({"row": "target", "target": "a", "spec": "a", "policy": 9, "at": 1, "wall": 1}, "policy 9 was not written"),
        ({"row": "policy", "policy": 1, "name": "a", "cooldown": 1, "max_parallel": 1, "tiers": [{}]}, "tier"),
        ({"row": "spent", "runs": [[1]]}, "runs is not"),
        ({"row": "attempt"}, "target is no text"),
    ],
)  # fmt: skip
def test_what_is_malformed_says_what_is_wrong_with_it(line: Any, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        RowReader().row(line if isinstance(line, bytes) else json.dumps(line).encode())


PARTS = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5)
WHATEVER = some.recursive(
    PARTS, lambda part: some.lists(part, max_size=3) | some.dictionaries(some.text(max_size=5), part, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(some.sampled_from(["look", "policy", "state", "attempt", "header", "spent", "event"]), WHATEVER)
def test_whatever_a_line_holds_it_is_read_or_malformed(kind: str, held: Any) -> None:
    line = json.dumps(a_look(row=kind, readings=held, ladder=held, tiers=held, runs=held, facts=held)).encode()
    try:
        row = RowReader().row(line)
    except Malformed as error:
        row = error
    assert isinstance(row, Malformed | rows.Look | rows.Told | rows.Counted)


@given(some.binary(max_size=300))
def test_noise_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        RowReader().row(line)
