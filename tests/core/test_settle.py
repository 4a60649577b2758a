"""What did a rung achieve? The difference of two measurements."""

from dataclasses import replace

import pytest

from brimwatch.core.settle import held_bytes, measured_since, settle, settle_gone, settle_until
from brimwatch.model import Action, Attempt, Firing, Limit, Reading, Reason, Sample, Tier, Verdict
from brimwatch.quantity import Quantity

USR1 = Action("usr1", "signal", None)
RESTART = replace(USR1, name="restart", ends_process=True)
RAN = Attempt(Verdict.RUN, 0.0, 1.0)


def sample(at: float = 2.0, limit: int | None = None, **values: float) -> Sample:
    readings = {Quantity(name): Reading(value, at) for name, value in values.items()}
    return Sample(at, readings, None if limit is None else Limit(limit, "machine"))


@pytest.mark.parametrize(
    ("given", "held"),
    [
        pytest.param(sample(rss=100, swap=20), 120, id="swap counts: a page that was swapped out was not given back"),
        pytest.param(sample(rss=100), 100, id="where swap was not measured the resident set alone counts"),
        pytest.param(sample(limit=1000, memory_used=0.25), 250, id="the host holds its share of the machine's memory"),
        pytest.param(sample(memory_used=0.25), None, id="a share of an unknown limit is not known"),
        pytest.param(sample(swap=20), None, id="what was not measured is None and never 0"),
    ],
)
def test_what_a_subject_holds(given: Sample, held: int | None) -> None:
    assert held_bytes(given) == held


@pytest.mark.parametrize(
    ("attempt", "forecast", "rungs_left", "until"),
    [
        pytest.param(RAN, None, 0, 3.0, id="without a forecast the whole settling time"),
        pytest.param(replace(RAN, settled=True), None, 0, 1.0, id="an answer that is settled needs none"),
        pytest.param(replace(RAN, verdict=Verdict.FAILED), None, 0, 1.0, id="nor does one that failed"),
        pytest.param(RAN, 3.0, 1, 2.0, id="a forecast is shared with the rungs that are left"),
        pytest.param(RAN, 300.0, 1, 3.0, id="a far limit shortens nothing"),
        pytest.param(RAN, 0.0, 3, 1.05, id="at the limit a target still has time to answer"),
    ],
)
def test_when_a_rung_has_had_its_time(attempt: Attempt, forecast: float | None, rungs_left: int, until: float) -> None:
    values = {} if forecast is None else {"time_to_limit": forecast}
    assert settle_until(attempt, 2.0, sample(**values), rungs_left) == pytest.approx(until)


def test_swap_is_waited_for_only_so_long() -> None:
    old = {Quantity.RSS: Reading(1, 10.0), Quantity.SWAP: Reading(1, 0.0)}
    assert not measured_since(Sample(2.9, {**old, Quantity.RSS: Reading(1, 2.9)}), 1.0, swap_matters=True)
    assert measured_since(Sample(3.0, {**old, Quantity.RSS: Reading(1, 3.0)}), 1.0, swap_matters=True)
    assert measured_since(Sample(1.0, {**old, Quantity.RSS: Reading(1, 1.0)}), 1.0, swap_matters=False)


def test_an_outcome_without_a_measurement_before_has_no_bytes() -> None:
    assert settle(Firing(1, Tier.CRITICAL, 0, USR1, 0.0, None, attempt=RAN), sample(rss=1)).reclaimed is None


def test_claimed_bytes_stand_beside_the_measured_ones() -> None:
    outcome = settle(Firing(1, Tier.CRITICAL, 0, USR1, 0.0, 100, attempt=replace(RAN, claimed=90)), sample(rss=70))
    assert (outcome.reclaimed, outcome.claimed) == (30, 90)


def test_a_refused_rung_won_nothing_and_says_so_by_its_reason() -> None:
    attempt = Attempt(Verdict.SUPPRESSED, 0.0, 0.1, Reason.NO_HANDLER)
    outcome = settle(Firing(1, Tier.CRITICAL, 0, USR1, 0.0, 100, attempt=attempt), sample(rss=70))
    assert (outcome.reclaimed, outcome.reason) == (None, Reason.NO_HANDLER)


def test_a_process_that_a_rung_ended_gave_everything_back() -> None:
    outcome = settle_gone(Firing(1, Tier.EMERGENCY, 0, RESTART, 0.0, 100), 5.0)
    assert (outcome.verdict, outcome.reclaimed, outcome.duration) == (Verdict.RUN, 100, 5.0)


def test_a_process_that_vanished_under_any_other_rung_is_no_success() -> None:
    outcome = settle_gone(Firing(1, Tier.EMERGENCY, 0, USR1, 0.0, 100), 5.0)
    assert (outcome.verdict, outcome.reason, outcome.reclaimed) == (Verdict.FAILED, Reason.VANISHED, None)


def test_the_duration_runs_until_what_was_won_is_measured_not_until_the_answer() -> None:
    outcome = settle(Firing(1, Tier.CRITICAL, 0, USR1, 0.5, 100, attempt=RAN), sample(at=2.0, rss=70))
    assert (outcome.started, outcome.duration) == (0.5, 1.5)
