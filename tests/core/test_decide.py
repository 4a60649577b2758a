"""Which rung runs now, and why does one not? The rules of the ladder, one case each."""

from dataclasses import dataclass, field, replace

import pytest

from brimwatch.core.budget import Spent
from brimwatch.core.decide import Facts, Ladder, attempted, decide
from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.core.select import Turn
from brimwatch.model import (
    Action,
    Attempt,
    Budget,
    Condition,
    Decision,
    Limit,
    Outcome,
    Policy,
    Reading,
    Reason,
    Sample,
    Threshold,
    Tier,
    TierRule,
    Verdict,
)
from brimwatch.quantity import Quantity

LIMIT = Limit(1000, "cgroup")
TRIM = Action("trim", "hook", None, cooperative=True)
PURGE = Action("purge", "hook", None, cooperative=True)
USR1 = Action("usr1", "signal", None, settle=2.0)
CLEAN = Action("clean", "exec", None)
RESTART = Action("restart", "signal", None, ends_process=True)
PAGER = Action("pager", "webhook", None, tells=True)


def rss(value: float, every: bool = False) -> Condition:
    return Condition((Threshold(Quantity.RSS, value),), every)


def policy(**changes: object) -> Policy:
    tiers = (
        TierRule(Tier.WARNING, rss(100), do=(TRIM,)),
        TierRule(Tier.CRITICAL, rss(200), tell=(PAGER,), do=(USR1, CLEAN)),
        TierRule(Tier.EMERGENCY, rss(400), do=(PURGE, RESTART)),
    )
    return replace(Policy("test", tiers, cooldown=60.0), **changes)


@dataclass
class Climb:
    """A subject that is looked at by hand: what its ladder said stays in `said`."""

    policy: Policy
    turn: Turn = Turn.GO
    dry_run: bool = False
    guard: Reason | None = None
    swap_matters: bool = False
    ladder: Ladder = Ladder()
    judgement: Judgement | None = None
    spent: Spent = Spent()
    said: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    sample: Sample = Sample(0.0, {})

    def look(self, at: float, held: float, **more: float) -> list[str]:
        """Look at `at` at a subject that holds `held` bytes; returns what was decided, as short words."""
        readings = {Quantity(name): Reading(value, at) for name, value in more.items()}
        self.sample = Sample(at, {Quantity.RSS: Reading(held, at), **readings}, LIMIT)
        self.judgement, change = evaluate(self.policy, self.judgement, self.sample, 1.0)
        step = decide(
            self.ladder,
            Facts(
                "shop", self.policy, self.judgement, change, self.sample, self.turn, self.spent, self.guard,
                self.dry_run, self.swap_matters,
            ),
        )  # fmt: skip
        self.ladder = step.ladder
        for decision in step.decisions:
            if decision.verdict is Verdict.RUN:
                self.spent = self.spent.spend("shop", decision.action, at)
        self.outcomes += step.outcomes
        words = [*map(ended, step.outcomes), *map(decided, step.decisions)]
        self.said += words
        return words

    def answer(self, at: float, verdict: Verdict = Verdict.RUN, reason: Reason | None = None, **more: object) -> None:
        """The running rung answers."""
        assert self.ladder.firing is not None
        attempt = Attempt(verdict, self.ladder.firing.started, at, reason, **more)
        self.ladder = attempted(self.ladder, attempt, self.policy, self.sample)


def decided(decision: Decision) -> str:
    words = f"{decision.tier.label}: {decision.action.name}"
    if decision.verdict is Verdict.SUPPRESSED:
        words += f" {decision.reason}"
    return words + (f" ({', '.join(decision.rest)})" if decision.rest else "")


def ended(outcome: Outcome) -> str:
    return f"{outcome.action.name} = {outcome.reclaimed if outcome.reason is None else outcome.reason}"


def test_an_entry_runs_the_first_rung_and_only_that() -> None:
    climb = Climb(policy())
    assert climb.look(0, 50) == []
    assert climb.look(1, 100) == ["warning: trim"]
    assert climb.look(2, 100) == []


def test_tell_rungs_go_out_at_entry_together_with_the_first_rung_once() -> None:
    climb = Climb(policy())
    assert climb.look(0, 250) == ["critical: pager", "critical: usr1"]
    climb.answer(0.1)
    climb.look(3, 150)
    assert climb.said.count("critical: pager") == 1


def test_the_next_rung_runs_when_the_first_did_not_bring_it_below_leave() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1)
    assert climb.look(1, 240) == []
    assert climb.look(2.2, 240) == ["usr1 = 10", "critical: clean"]


def test_a_rung_that_cures_settles_once_nothing_more_comes_back_and_nothing_follows() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1)
    assert climb.look(0.2, 150) == []
    assert climb.look(0.3, 120) == []
    assert climb.look(0.4, 120) == ["usr1 = 130"]
    assert climb.ladder.firing is None


def test_memory_that_never_stops_coming_back_settles_with_the_settling_time() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1)
    climb.look(1, 150)
    assert climb.look(2.1, 100) == ["usr1 = 150"]


def test_reclaimed_is_negative_where_the_target_grew_meanwhile() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1)
    assert climb.look(2.2, 300)[0] == "usr1 = -50"


def test_a_measurement_from_before_the_answer_settles_nothing() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(5.0)
    assert climb.look(4.9, 150) == []
    assert climb.look(5.0, 150) == []
    assert climb.look(5.1, 150) == ["usr1 = 100"]


def test_pages_that_were_only_swapped_out_are_not_reclaimed() -> None:
    climb = Climb(policy(), swap_matters=True)
    climb.look(0, 250, swap=0)
    climb.answer(0.1)
    assert climb.look(2.5, 150, swap=90) == ["usr1 = 10"]


def test_a_stale_swap_figure_is_waited_for() -> None:
    climb = Climb(policy(), swap_matters=True)
    climb.look(0, 250, swap=0)
    climb.answer(0.1)
    stale = {Quantity.RSS: Reading(150, 0.2), Quantity.SWAP: Reading(0, 0.0)}
    climb.sample = Sample(0.2, stale, LIMIT)
    judgement, change = evaluate(climb.policy, climb.judgement, climb.sample, 1.0)
    facts = Facts("shop", climb.policy, judgement, change, climb.sample, Turn.GO, Spent())
    assert decide(climb.ladder, facts).outcomes == ()


def test_an_answer_that_is_settled_needs_no_waiting() -> None:
    climb = Climb(policy())
    climb.look(0, 100)
    climb.answer(0.3, settled=True)
    assert climb.look(0.3, 98) == ["trim = 2"]


def test_the_settling_time_is_shortened_by_the_forecast() -> None:
    climb = Climb(policy())
    climb.look(0, 250, time_to_limit=0.6)
    climb.answer(0.1)
    assert climb.look(0.25, 250, time_to_limit=0.5) == []
    assert climb.look(0.31, 250, time_to_limit=0.5) == ["usr1 = 0", "critical: clean"]


def test_a_failed_rung_is_an_outcome_and_the_next_one_runs_at_once() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1, Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert climb.look(0.11, 250) == ["usr1 = no_handler", "critical: clean"]


def test_a_higher_tier_starts_at_once_and_supersedes_the_lower_one() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    assert climb.look(0.5, 450) == ["usr1 = superseded", "critical: clean superseded", "emergency: purge"]


def test_overlapping_bytes_are_credited_once_to_the_later_rung() -> None:
    climb = Climb(policy())
    climb.look(0, 390)
    climb.answer(0.1)
    climb.look(0.5, 450)
    climb.answer(0.6, settled=True)
    climb.look(0.7, 150)
    assert [(one.action.name, one.reclaimed) for one in climb.outcomes] == [("usr1", -60), ("purge", 300)]


def test_a_jump_runs_only_the_entered_tiers_ladder() -> None:
    climb = Climb(policy())
    climb.look(0, 10)
    assert climb.look(1, 450) == ["emergency: purge"]


def test_going_down_runs_nothing() -> None:
    climb = Climb(policy())
    climb.look(0, 450)
    climb.answer(0.1, settled=True)
    climb.look(0.2, 300)  # emergency is left, critical holds
    climb.look(30, 300)
    assert climb.said == ["emergency: purge", "purge = 150"]


def test_a_lower_tier_that_outlasts_a_whole_cooldown_after_going_down_is_climbed() -> None:
    climb = Climb(policy())
    climb.look(0, 450)
    climb.answer(0.1, settled=True)
    climb.look(0.2, 300)
    assert climb.look(60.2, 300) == ["critical: usr1"]


def test_an_entry_in_the_cooldown_is_refused_once_with_its_reason() -> None:
    climb = Climb(policy())
    climb.look(0, 100)
    climb.answer(0.1, settled=True)
    climb.look(0.2, 10)
    assert climb.look(5, 100) == ["warning: trim cooldown"]
    assert climb.look(6, 100) == []


def test_the_cooldown_runs_from_the_end_of_the_ladder() -> None:
    climb = Climb(policy())
    climb.look(0, 100)
    climb.answer(50, settled=True)
    climb.look(50, 100)
    assert climb.look(109, 100) == []
    assert climb.look(110, 100) == ["warning: trim"]


def test_the_cooldown_never_blocks_a_higher_tier() -> None:
    climb = Climb(policy())
    climb.look(0, 100)
    climb.answer(0.1, settled=True)
    climb.look(0.2, 100)
    assert climb.look(1, 250) == ["critical: pager", "critical: usr1"]


def test_when_the_cooldown_is_over_and_the_tier_holds_the_ladder_runs_again_from_the_first_rung() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1)
    climb.look(2.2, 250)
    climb.answer(2.3)
    assert climb.look(4.4, 250) == ["clean = 0"]
    assert climb.look(64.4, 250) == ["critical: usr1"]


def test_a_rung_that_ends_a_process_needs_a_measured_condition() -> None:
    forecast = Condition((Threshold(Quantity.RSS, 400), Threshold(Quantity.TIME_TO_LIMIT, 20)))
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, forecast, do=(RESTART,)),)))
    assert climb.look(0, 50, time_to_limit=5) == ["emergency: restart condition"]
    assert climb.look(61, 450, time_to_limit=5) == ["emergency: restart"]


def test_only_if_must_hold_when_the_rung_is_to_run() -> None:
    wary = replace(RESTART, only_if=rss(430))
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(wary,)),)))
    assert climb.look(0, 410) == ["emergency: restart condition"]


def test_only_if_holds_back_a_rung_of_any_kind() -> None:
    wary = replace(USR1, only_if=rss(430))
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(wary, CLEAN)),)))
    assert climb.look(0, 410) == ["emergency: usr1 condition", "emergency: clean"]


def test_a_restart_runs_once_in_ten_minutes_where_nothing_is_written() -> None:
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(RESTART,)),)))
    assert climb.look(0, 450) == ["emergency: restart"]
    climb.answer(0.1, settled=True)
    climb.look(0.2, 450)
    assert climb.look(61, 450) == ["emergency: restart budget"]
    assert climb.look(601, 450) == ["emergency: restart"]


def test_at_most_holds_for_any_kind_of_rung() -> None:
    rare = replace(CLEAN, at_most=Budget(1, 3600.0))
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(rare,)),), cooldown=1.0))
    climb.look(0, 450)
    climb.answer(0.1, settled=True)
    climb.look(0.2, 450)
    assert climb.look(2, 450) == ["emergency: clean budget"]


@pytest.mark.parametrize("guard", [Reason.PROTECTED, Reason.PARENT])
def test_a_guarded_process_is_never_ended(guard: Reason) -> None:
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(RESTART,)),)), guard=guard)
    assert climb.look(0, 450) == [f"emergency: restart {guard}"]


def test_a_parent_is_ended_where_that_is_written() -> None:
    written = replace(RESTART, on_parent=True)
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(written,)),)), guard=Reason.PARENT)
    assert climb.look(0, 450) == ["emergency: restart"]


def test_on_parent_does_not_open_the_way_to_a_protected_process() -> None:
    written = replace(RESTART, on_parent=True)
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(written,)),)), guard=Reason.PROTECTED)
    assert climb.look(0, 450) == ["emergency: restart protected"]


def test_a_guard_does_not_hold_back_rungs_that_end_nothing() -> None:
    climb = Climb(policy(), guard=Reason.PARENT)
    assert climb.look(0, 100) == ["warning: trim"]


def test_a_dry_run_says_once_what_would_have_happened() -> None:
    climb = Climb(policy(), dry_run=True)
    assert climb.look(0, 250) == ["critical: pager dry_run (usr1, clean)"]
    assert climb.look(1, 250) == []
    assert climb.look(100, 250) == []


def test_a_second_entry_of_a_dry_run_in_the_cooldown_is_refused() -> None:
    climb = Climb(policy(), dry_run=True)
    climb.look(0, 100)
    climb.look(1, 10)
    assert climb.look(5, 100) == ["warning: trim cooldown"]


def test_cooperative_rungs_go_on_below_leave_until_the_goal() -> None:
    tiers = (TierRule(Tier.EMERGENCY, rss(400), do=(TRIM, PURGE, CLEAN)),)
    climb = Climb(policy(tiers=tiers, goal=rss(200)))
    climb.look(0, 450)
    climb.answer(0.1, settled=True)
    assert climb.look(0.2, 300) == ["trim = 150", "emergency: purge"]
    climb.answer(0.3, settled=True)
    assert climb.look(0.4, 250) == ["purge = 50"]  # above the goal, but `clean` is not cooperative


def test_a_goal_that_is_reached_ends_the_climb() -> None:
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(TRIM, PURGE)),), goal=rss(200)))
    climb.look(0, 450)
    climb.answer(0.1, settled=True)
    assert climb.look(0.2, 150) == ["trim = 300"]


def test_a_subject_that_waits_for_its_turn_is_told_and_climbed_when_it_comes() -> None:
    climb = Climb(policy(), turn=Turn.WAIT)
    assert climb.look(0, 250) == []
    climb.turn = Turn.GO
    assert climb.look(1, 250) == ["critical: pager", "critical: usr1"]


def test_another_member_of_a_shared_limit_is_refused_once() -> None:
    climb = Climb(policy(), turn=Turn.NOT_LARGEST)
    assert climb.look(0, 250) == ["critical: usr1 not_largest (clean)"]
    assert climb.look(1, 250) == []


def test_a_climb_ends_where_the_tiers_value_is_missing() -> None:
    tiers = (TierRule(Tier.EMERGENCY, Condition((Threshold(Quantity.PSS, 400),)), do=(TRIM, PURGE)),)
    climb = Climb(policy(tiers=tiers))
    climb.look(0, 450, pss=450)
    climb.answer(0.1, settled=True)
    assert climb.look(0.2, 440) == ["trim = 10"]


def test_a_policy_that_changes_under_a_climb_ends_it_after_the_running_rung() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.answer(0.1)
    tiers = tuple(replace(rule, do=(CLEAN,)) if rule.tier is Tier.CRITICAL else rule for rule in climb.policy.tiers)
    climb.policy = policy(tiers=tiers)
    assert climb.look(0.2, 250) == ["usr1 = 0"]
    assert climb.ladder.firing is None


def test_an_answer_that_comes_after_the_climb_ended_changes_nothing() -> None:
    ladder = Ladder()
    assert attempted(ladder, Attempt(Verdict.RUN, 0, 1), policy(), Sample(1.0, {})) == ladder
