"""When is a rung that a person asked for over, and what did it win?"""

import pytest

from brimwatch.core.by_hand import answered, begin, cooperative, ended, not_run, taken_over
from brimwatch.core.settle import GIVEN_UP
from brimwatch.model import Action, Attempt, Condition, Firing, Reading, Reason, Sample, Tier, TierRule, Verdict
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

MB = 1_000_000
ASK = Action("ask", "signal", None, cooperative=True, settle=Seconds(2.0))
RESTART = Action("restart", "signal", None, ends_process=True)


def sample(at: float, rss: float, swap: float | None = None) -> Sample:
    readings = {Quantity.RSS: Reading(rss * MB, at)}
    if swap is not None:
        readings[Quantity.SWAP] = Reading(swap * MB, 0.0)
    return Sample(at, readings)


def running(verdict: Verdict = Verdict.RUN, settled: bool = False, reason: Reason | None = None) -> Firing:
    """A rung that began at 10 with 200 MB and was answered at 11."""
    firing = begin(Tier.CRITICAL, 0, ASK, sample(10.0, 200))
    return answered(firing, Attempt(verdict, 10.0, 11.0, reason, settled=settled), sample(11.0, 200))


@pytest.mark.parametrize(
    ("firing", "now", "won"),
    [
        (running(), sample(12.9, 80), None),
        (running(), sample(13.0, 80), 120 * MB),
        (running(), sample(13.0, 250), -50 * MB),
        (running(settled=True), sample(11.0, 80), 120 * MB),
        (running(settled=True), sample(10.9, 80), None),
        (begin(Tier.CRITICAL, 0, ASK, sample(10.0, 200)), sample(99.0, 80), None),
    ],
    ids=[
        "within its settling time a rung goes on, also where much came back already",
        "after it what came back is measured",
        "a rise is measured as well",
        "an answer that says it is done is measured at once",
        "but not by what was measured before it",
        "a rung without an answer goes on",
    ],
)
def test_a_rung_ends_when_its_effect_has_had_its_time(firing: Firing, now: Sample, won: int | None) -> None:
    outcome = ended(firing, now, swap_matters=False)

    assert (None if outcome is None else outcome.reclaimed) == won


def test_where_the_machine_swaps_a_fresh_figure_of_it_is_waited_for() -> None:
    assert ended(running(), sample(13.0, 80, swap=5), swap_matters=True) is not None
    assert ended(running(settled=True), sample(12.0, 80, swap=5), swap_matters=True) is None


def test_a_rung_that_failed_is_over_at_once_and_has_won_nothing() -> None:
    outcome = ended(running(Verdict.FAILED, reason=Reason.DENIED), sample(11.0, 100), swap_matters=False)

    assert outcome is not None
    assert (outcome.verdict, outcome.reason, outcome.reclaimed) == (Verdict.FAILED, Reason.DENIED, None)


def test_what_the_targets_own_ladder_takes_over_keeps_what_it_won_until_then() -> None:
    outcome = taken_over(running(), sample(11.5, 150))
    later = begin(Tier.EMERGENCY, 0, ASK, sample(11.2, 190))
    assert taken_over(running(), sample(11.5, 50), Reason.SUPERSEDED, later).reclaimed == 10 * MB
    waiting = taken_over(begin(Tier.CRITICAL, 0, ASK, sample(10.0, 200)), sample(11.5, 150), Reason.STOPPED)

    assert (outcome.verdict, outcome.reclaimed) == (Verdict.RUN, 50 * MB)
    assert (waiting.verdict, waiting.reason, waiting.detail) == (Verdict.SUPPRESSED, Reason.STOPPED, GIVEN_UP)


def test_only_rungs_that_ask_are_run_by_hand_and_keep_their_place() -> None:
    rule = TierRule(Tier.CRITICAL, Condition(()), do=(RESTART, ASK))

    assert cooperative(rule) == ((1, ASK),)
    assert not_run(Tier.CRITICAL, 1, ASK, Reason.BUSY, 5.0).reason is Reason.BUSY
