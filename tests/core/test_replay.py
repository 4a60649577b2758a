"""Does a replay decide what was decided? And under another policy, what is assumed?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.climbing import CLEAN, LIMIT, PAGER, RESTART, USR1, Climb, decided, ended, policy, rss

from brimwatch.core import recorded as rows
from brimwatch.core.decide import Ladder
from brimwatch.core.replay import ASSUMED, Assume, Replay
from brimwatch.core.replayed import Happening, Plan
from brimwatch.model import (
    Attempt,
    Change,
    Decision,
    Outcome,
    Policy,
    ProcessId,
    Reading,
    Reason,
    Sample,
    Tier,
    TierRule,
    Verdict,
)
from brimwatch.quantity import Quantity

KEY = ProcessId(7, 70)
TERMS = rows.Terms(1.0, False, False)
HEADER = rows.Header("host", "boot", 0.0, 0.0, TERMS)


def declared(one: Policy, at: float = 0.0, target: str = "shop") -> rows.Declared:
    return rows.Declared(target, target, one, at, at)


def look(at: float, held: float, key: ProcessId = KEY, tick: int | None = None, **more: object) -> rows.Look:
    sample = Sample(at, {Quantity.RSS: Reading(held, at)}, LIMIT)
    return rows.Look("shop", key, None, at, int(at * 1000) if tick is None else tick, sample, **more)


def answered(at: float, action: str, rung: int, firing: int, tier: Tier = Tier.CRITICAL, **more: object) -> rows.Row:
    attempt = Attempt(more.pop("verdict", Verdict.RUN), at, at, **more)
    return rows.Answered("shop", KEY, None, tier, action, rung, firing, attempt, at)


def words(found: list[Happening]) -> list[str]:
    said = []
    for one in found:
        if isinstance(one.what, Change):
            said.append(f"{one.what.before.label} -> {one.what.after.label}")
        else:
            said.append(decided(one.what) if isinstance(one.what, Decision) else ended(one.what))
    return said


def replayed(taken: list[rows.Row], plan: Plan | None = None, assume: Assume = Assume.RECORDED) -> list[str]:
    replay = Replay(lambda row: plan or Plan(row.policy, exact=True), assume=assume)
    return words([one for row in (HEADER, *taken) for one in replay.feed(row)])


class Daemon:
    """A climb by hand that is recorded, as the daemon records it."""

    def __init__(self, one: Policy, dry_run: bool = False) -> None:
        self.climb = Climb(one, dry_run=dry_run)
        self.rows: list[rows.Row] = [HEADER._replace(terms=TERMS._replace(dry_run=dry_run)), declared(one)]
        self.said: list[str] = []

    def look(self, at: float, held: float) -> None:
        before = self.climb.judgement.tier if self.climb.judgement else Tier.CALM
        told = self.climb.look(at, held)
        after = self.climb.judgement.tier
        self.rows.append(look(at, held))
        self.said += ([] if before is after else [f"{before.label} -> {after.label}"]) + told

    def answer(self, at: float, verdict: Verdict, settled: bool) -> None:
        firing = self.climb.ladder.firing
        if firing is None or firing.attempt is not None:
            return
        attempt = Attempt(verdict, firing.started, at, None if verdict is Verdict.RUN else Reason.DENIED,
                          settled=settled)  # fmt: skip
        name, tier = firing.action.name, firing.tier
        self.rows.append(rows.Answered("shop", KEY, None, tier, name, firing.rung, firing.number, attempt, at))
        self.climb.answer(at, verdict, attempt.reason, settled=settled)

    def gone(self, at: float) -> None:
        self.rows.append(rows.Gone("shop", KEY, None, at, at))


STEPS = some.lists(
    some.tuples(
        some.sampled_from([0.002, 0.05, 0.5, 1.0, 5.0, 70.0]),
        some.sampled_from([10.0, 95.0, 150.0, 199.0, 250.0, 399.0, 450.0, 600.0]),
        some.sampled_from([None, Verdict.RUN, Verdict.FAILED, Verdict.SUPPRESSED]),
        some.booleans(),
    ),
    max_size=60,
)  # fmt: skip


@given(STEPS, some.booleans(), some.sampled_from([None, rss(50)]))
def test_whatever_happens_a_replay_decides_what_was_decided(steps: list[tuple], dry_run: bool, goal: object) -> None:
    daemon, now = Daemon(policy(goal=goal), dry_run), 0.0
    for gap, held, verdict, settled in steps:
        now += gap
        daemon.look(now, held)
        if verdict is not None:
            now += 0.001
            daemon.answer(now, verdict, settled)
    replay = Replay(lambda row: Plan(row.policy, exact=True))
    found = [one for row in daemon.rows for one in replay.feed(row)]
    assert sorted(words(found)) == sorted(daemon.said)
    # Of one look the change stands before outcomes, and these before decisions.
    assert words([one for one in found if not isinstance(one.what, Change)]) == daemon.climb.said
    assert replay.spent.runs.keys() == daemon.climb.spent.runs.keys()


def test_a_recording_from_the_middle_of_a_climb_goes_on_where_it_stood() -> None:
    daemon = Daemon(policy())
    daemon.look(0, 250)
    climb, said = daemon.climb, len(daemon.said)
    stood = rows.Stood("shop", KEY, None, climb.judgement, climb.ladder, False, climb.sample, 0.0)
    start = len(daemon.rows)
    daemon.answer(0.1, Verdict.RUN, True)
    daemon.look(0.2, 250)
    taken = [declared(climb.policy), rows.Counted({}), stood, *daemon.rows[start:]]
    assert replayed(taken) == daemon.said[said:] == ["usr1 = 0", "critical: clean"]


def test_a_standing_that_does_not_fit_its_policy_is_not_believed() -> None:
    judgement = Daemon(policy())
    judgement.look(0, 250)
    stood = rows.Stood("shop", KEY, None, judgement.climb.judgement, Ladder(), False, None, 0.0)
    one = policy(tiers=(TierRule(Tier.WARNING, rss(100)),))
    assert replayed([declared(one), stood, look(1, 150)]) == ["calm -> warning"]


def test_the_end_of_a_subject_closes_its_rung() -> None:
    taken = [declared(policy()), look(0, 450), rows.Gone("shop", KEY, None, 1.0, 1.0), rows.Removed("shop", KEY)]
    assert replayed(taken)[-1] == "purge = vanished"


def test_a_reload_that_changes_an_active_tier_is_told_as_the_daemon_tells_it() -> None:
    higher = policy(tiers=(TierRule(Tier.WARNING, rss(300)),))
    assert replayed([declared(policy()), look(0, 150), declared(higher, 1.0)])[-1] == "warning -> calm"


def test_budgets_of_targets_that_were_left_out_count() -> None:
    spent = rows.Counted({("", ""): (0.0, 0.1, 0.2)})
    one = policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(RESTART,)),))
    assert replayed([declared(one), spent, look(1, 450)])[-1] == "emergency: restart budget"


def test_a_guard_is_part_of_the_recording() -> None:
    one = policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(RESTART,)),))
    assert replayed([declared(one), look(1, 450, guard=Reason.PARENT)])[-1] == "emergency: restart parent"


def test_two_members_climb_one_after_the_other_at_the_ticks_of_the_recording() -> None:
    other = ProcessId(8, 80)
    joined = [rows.Joined("shop", key, number, 0.0, 0.0) for number, key in enumerate((KEY, other))]
    taken = [declared(policy()), *joined, look(0, 250, KEY, tick=1), look(0, 260, other, tick=1)]
    said = replayed(taken)
    first = ["calm -> critical", "critical: pager", "critical: usr1"]
    assert said == [*first, "calm -> critical", "critical: pager"]


def test_a_member_that_left_while_rows_were_lost_is_waited_for_no_more() -> None:
    other = ProcessId(8, 80)
    climb = Daemon(policy())
    climb.look(0, 250)
    judged = climb.climb.judgement
    begin = [declared(policy()), look(0, 250, KEY, tick=1), look(0, 260, other, tick=1), rows.Lost(9)]
    stood = rows.Stood("shop", other, None, judged, Ladder(entered=Tier.CRITICAL), False, None, 0.0)
    assert replayed([*begin, declared(policy()), stood, look(1, 260, other, tick=2)])[-1] == "critical: usr1"


def test_a_target_that_was_not_judged_for_a_while_is_judged_afresh() -> None:
    plans = iter([Plan(policy(), True), None, Plan(policy(tiers=policy().tiers[:1]), True)])
    replay = Replay(lambda _: next(plans))
    taken = [HEADER, declared(policy()), look(0, 250), declared(policy()), look(1, 250), declared(policy())]
    found = [one for row in (*taken, look(2, 150)) for one in replay.feed(row)]
    assert words(found)[-2:] == ["calm -> warning", "warning: trim"]


def test_a_telling_rung_that_was_started_before_the_recording_is_told_at_its_end() -> None:
    stood = rows.Stood("shop", KEY, None, None, Ladder(), False, None, 0.0)
    assert replayed([declared(policy()), stood, answered(1.0, PAGER.name, -1, 1)]) == ["pager = None"]


def test_a_subject_that_nobody_announced_begins_with_its_first_look() -> None:
    assert replayed([declared(policy()), look(0, 150)])[0] == "calm -> warning"


def test_a_target_that_is_not_judged_decides_nothing() -> None:
    replay = Replay(lambda _: None)
    assert [one for row in (HEADER, declared(policy()), look(0, 450)) for one in replay.feed(row)] == []


OTHER = policy(tiers=(TierRule(Tier.CRITICAL, rss(200), do=(CLEAN, USR1)),))


@pytest.mark.parametrize("assume", Assume)
def test_a_rung_that_did_not_run_in_the_recording_is_assumed_to_answer_at_once(assume: Assume) -> None:
    taken = [declared(policy(tiers=())), look(0, 250), look(1, 250), look(5, 240), look(10, 230)]
    said = replayed(taken, Plan(OTHER, exact=False), assume)
    assert said == ["calm -> critical", "critical: clean", "clean = 10", "critical: usr1", "usr1 = 10"]


def test_an_assumed_answer_says_so() -> None:
    replay = Replay(lambda _: Plan(OTHER, exact=False))
    taken = [HEADER, declared(policy(tiers=())), look(0, 250), look(1, 250), look(5, 240)]
    (outcome,) = [one.what for row in taken for one in replay.feed(row) if isinstance(one.what, Outcome)]
    assert outcome.detail == ASSUMED


def test_a_rung_that_ran_then_too_gets_the_answer_of_then() -> None:
    started = rows.Started("shop", KEY, Tier.CRITICAL, CLEAN.name, 1, 4, 0.0)
    refused = answered(3.0, CLEAN.name, 1, 4, verdict=Verdict.FAILED, reason=Reason.EXIT_CODE)
    taken = [declared(policy()), look(0, 250), started, look(1, 250), look(2, 250), refused, look(4, 250)]
    said = replayed(taken, Plan(OTHER, exact=False))
    assert said == ["calm -> critical", "critical: clean", "clean = exit_code", "critical: usr1"]


def test_without_recorded_answers_the_rung_does_not_wait_for_them() -> None:
    started = rows.Started("shop", KEY, Tier.CRITICAL, CLEAN.name, 1, 4, 0.0)
    refused = answered(3.0, CLEAN.name, 1, 4, verdict=Verdict.FAILED, reason=Reason.EXIT_CODE)
    taken = [declared(policy()), look(0, 250), started, look(1, 250), look(2, 250), refused, look(4, 250)]
    said = replayed(taken, Plan(OTHER, exact=False), Assume.NONE)
    assert said[2] == "clean = 0"


def test_what_was_given_up_in_the_recording_is_not_waited_for() -> None:
    started = rows.Started("shop", KEY, Tier.CRITICAL, CLEAN.name, 1, 4, 0.0)
    taken = [declared(policy()), look(0, 250), started, rows.Stopped("shop", KEY), look(1, 250), look(4, 250)]
    assert replayed(taken, Plan(OTHER, exact=False))[2] == "clean = 0"


def test_an_assumed_telling_rung_ends_at_the_next_look() -> None:
    telling = replace(OTHER, tiers=(TierRule(Tier.CRITICAL, rss(200), tell=(PAGER,)),))
    taken = [declared(policy(tiers=())), look(0, 250), look(1, 250)]
    assert replayed(taken, Plan(telling, exact=False)) == ["calm -> critical", "critical: pager", "pager = None"]


def test_a_clock_that_is_set_back_changes_nothing() -> None:
    taken = [declared(policy()), look(0, 250), look(1, 10)]
    back = [*taken[:2], taken[2]._replace(wall=-86400.0)]
    assert replayed(back) == replayed(taken)
