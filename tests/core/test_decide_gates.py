"""Why does a rung not run? Conditions, budgets, guards, dry run, goals and turns, one case each."""

from dataclasses import replace

import pytest
from tests.core.climbing import CLEAN, PURGE, RESTART, TRIM, USR1, Climb, policy, rss

from brimwatch.core.decide import Ladder, attempted
from brimwatch.core.select import Turn
from brimwatch.model import Attempt, Budget, Condition, Reason, Sample, Threshold, Tier, TierRule, Verdict
from brimwatch.quantity import Quantity


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
    assert climb.until == [600.0]
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
    assert climb.until == [60.0]


def test_what_was_only_rehearsed_keeps_nothing_from_being_done_once_it_may_be() -> None:
    climb = Climb(policy(), dry_run=True)
    climb.look(0, 100)
    climb.dry_run = False
    assert climb.look(1, 100) == ["warning: trim"]


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


def test_a_subject_that_waits_for_its_turn_is_told_at_once_and_climbed_when_it_comes() -> None:
    climb = Climb(policy(), turn=Turn.WAIT)
    assert climb.look(0, 250) == ["critical: pager"]
    assert climb.look(0.5, 250) == []
    climb.turn = Turn.GO
    assert climb.look(0.9, 250) == ["critical: usr1"]


def test_a_subject_that_waits_long_for_its_turn_says_so_once() -> None:
    climb = Climb(policy(), turn=Turn.WAIT)
    climb.look(0, 250)
    assert climb.look(1, 250) == ["critical: usr1 waiting (clean)"]
    assert climb.look(9, 250) == []
    climb.turn = Turn.GO
    assert climb.look(10, 250) == ["critical: usr1"]


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


def test_a_restart_that_was_refused_at_the_last_look_costs_no_budget() -> None:
    climb = Climb(policy(tiers=(TierRule(Tier.EMERGENCY, rss(400), do=(RESTART,)),)))
    climb.look(0, 450)
    climb.answer(0.1, Verdict.SUPPRESSED, Reason.VANISHED)
    climb.look(0.2, 450)
    assert climb.look(61, 450) == ["emergency: restart"]
