"""Which rung runs now? The rules of the ladder, one case each."""

from dataclasses import replace

from tests.core.climbing import LIMIT, PAGER, PURGE, Climb, policy, rss

from brimwatch.core.budget import Spent
from brimwatch.core.decide import decide
from brimwatch.core.evaluate import evaluate
from brimwatch.core.gate import Facts
from brimwatch.core.select import Turn
from brimwatch.model import Budget, Reading, Reason, Sample, Tier, TierRule, Verdict
from brimwatch.quantity import Quantity


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


def emergency_that_rests(climb: Climb) -> None:
    """The emergency's ladder has just ended and cools down until 60.2; the subject is calm again."""
    climb.look(0, 450)
    climb.answer(0.1, settled=True)
    climb.look(0.2, 10)
    climb.said.clear()


def test_a_lower_ladder_goes_on_in_a_higher_tier_whose_own_ladder_cools_down() -> None:
    climb = Climb(policy())
    emergency_that_rests(climb)
    climb.look(10, 250)
    assert climb.look(10.5, 450) == ["emergency: purge cooldown (restart)"]
    climb.answer(10.6)
    assert climb.look(12.7, 450) == ["usr1 = -200", "critical: clean"]


def test_the_higher_tiers_ladder_takes_over_as_soon_as_it_has_cooled_down() -> None:
    climb = Climb(policy())
    emergency_that_rests(climb)
    climb.look(59, 250)
    climb.look(59.5, 450)
    assert climb.look(60.3, 450) == ["usr1 = superseded", "critical: clean superseded", "emergency: purge"]


def test_a_lower_ladder_goes_on_in_a_higher_tier_that_only_tells() -> None:
    quiet = TierRule(Tier.EMERGENCY, rss(400), tell=(PAGER,))
    climb = Climb(policy(tiers=(*policy().tiers[:2], quiet)))
    climb.look(0, 250)
    assert climb.look(0.5, 450) == ["emergency: pager"]
    climb.answer(0.6)
    assert climb.look(2.7, 450) == ["usr1 = -200", "critical: clean"]


def test_a_lower_ladder_goes_on_where_no_rung_of_the_higher_tier_may_run() -> None:
    refused = TierRule(Tier.EMERGENCY, rss(400), do=(replace(PURGE, at_most=Budget(1, 600.0)),))
    climb = Climb(policy(tiers=(*policy().tiers[:2], refused)))
    climb.spent = climb.spent.spend("shop", refused.do[0], 0.0)
    climb.look(0, 250)
    assert climb.look(0.5, 450) == ["emergency: purge budget"]
    climb.answer(0.6)
    assert climb.look(2.7, 450) == ["usr1 = -200", "critical: clean"]


def test_a_lower_ladder_goes_on_until_it_is_the_subjects_turn_in_the_higher_tier() -> None:
    climb = Climb(policy())
    climb.look(0, 250)
    climb.turn = Turn.WAIT
    assert climb.look(0.5, 450) == []
    climb.turn = Turn.GO
    assert climb.look(0.6, 450) == ["usr1 = superseded", "critical: clean superseded", "emergency: purge"]


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
    assert climb.until == [60.2]
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
