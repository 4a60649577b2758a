"""Are the proposed tiers above what was observed, and is what cannot be proposed refused?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from brimwatch.core.envelope import Envelope
from brimwatch.core.suggest import FEWEST, SHORTEST, Proposal, TooLittle, leak, propose, rounded
from brimwatch.model import Tier
from brimwatch.quantity import Quantity

MB = 1e6


def history(*values: float, gap: float = 1.0) -> Envelope:
    envelope = Envelope()
    for number, value in enumerate(values):
        envelope.add(number * gap, value)
    return envelope


def sawtooth(seconds: int, floor: float = 100 * MB, rise: float = 50 * MB, drift: float = 0.0) -> Envelope:
    return history(*(floor + rise * (at % 60) / 60 + drift * at for at in range(seconds)))


def proposed(*histories: Envelope) -> Proposal:
    found = propose("test", Quantity.RSS, histories)
    assert isinstance(found, Proposal)
    return found


def levels(proposal: Proposal) -> list[float]:
    return [rule.when.thresholds[0].value for rule in proposal.policy.tiers]


def test_tiers_and_limit_stand_above_the_highest_peak() -> None:
    found = proposed(sawtooth(3600))
    assert (found.highest, found.floor) == (149_166_666, 100_000_000)
    assert levels(found) == [157e6, 165e6, 179e6]
    assert (found.limit, found.leak) == (187_000_000, None)
    assert found.alarms == {Tier.WARNING: 0, Tier.CRITICAL: 0, Tier.EMERGENCY: 0}


def test_peaks_beyond_the_usual_ones_that_last_would_have_been_warned_of() -> None:
    values = [100 * MB + (200 * MB if 2000 <= at < 2030 else 0) for at in range(3600)]
    found = proposed(history(*values))
    assert found.usual == 100_000_000
    assert found.alarms == {Tier.WARNING: 1, Tier.CRITICAL: 0, Tier.EMERGENCY: 0}


def test_a_peak_of_a_second_is_no_alarm_but_bounds_the_limit() -> None:
    found = proposed(history(*(100 * MB + (200 * MB if at == 2000 else 0) for at in range(3600))))
    assert (found.alarms[Tier.WARNING], found.limit) == (0, 375_000_000)


def test_the_largest_of_several_subjects_counts() -> None:
    found = proposed(sawtooth(600), sawtooth(600, floor=400 * MB))
    assert (found.subjects, found.highest) == (2, 449_166_666)


@pytest.mark.parametrize(
    "histories",
    [(), (Envelope(),), (history(*[MB] * 119),), (history(*[MB] * (FEWEST - 1), gap=60.0),)],
    ids=["no subject", "no look", "two minutes less a second", "an hour of too few looks"],
)
def test_too_little_history_is_refused(histories: tuple[Envelope, ...]) -> None:
    assert isinstance(propose("test", Quantity.RSS, histories), TooLittle)


def test_two_minutes_of_looks_are_enough() -> None:
    assert isinstance(propose("test", Quantity.RSS, [history(*[MB] * int(SHORTEST + 1))]), Proposal)


@pytest.mark.parametrize(
    ("one", "leaks"),
    [
        (sawtooth(3600), False),
        (sawtooth(3600, drift=20_000), True),
        (sawtooth(3600, drift=-20_000), False),
        (history(*(100 * MB + 40 * MB * (1 - math.exp(-at / 200)) for at in range(3600))), False),
        (history(*[100 * MB] * 1800, *[150 * MB] * 1800), False),
        (history(*(100 * MB + 100.0 * at for at in range(3600))), False),
    ],
    ids=["a sawtooth", "a sawtooth whose floor rises", "one that falls", "a warm-up that flattens", "a step",
         "a rise too small to matter"],
)  # fmt: skip
def test_a_leak_is_a_floor_that_rises_all_the_time(one: Envelope, leaks: bool) -> None:
    assert (leak(one) is not None) is leaks


def test_the_growth_of_a_leak_is_that_of_its_floor() -> None:
    assert leak(sawtooth(3600, drift=20_000)).bytes_per_second == pytest.approx(20_000, rel=0.05)


@pytest.mark.parametrize(
    ("value", "size"), [(0, 1000), (999, 1000), (1000, 1000), (1001, 1010), (149_166_666, 150_000_000)]
)
def test_sizes_are_rounded_up_to_three_digits(value: float, size: int) -> None:
    assert rounded(value) == size


@given(some.lists(some.floats(1e6, 1e12), min_size=130, max_size=200))
def test_whatever_was_observed_tiers_rise_and_are_left_below_where_they_are_entered(values: list[float]) -> None:
    found = proposed(history(*values))
    enter = levels(found)
    leave = [rule.leave.thresholds[0].value for rule in found.policy.tiers]
    assert enter == sorted(enter)
    assert all(low <= high for low, high in zip(leave, enter, strict=True))
    assert found.floor <= found.usual <= found.highest < enter[1] < enter[2] <= found.limit
    assert found.alarms[Tier.CRITICAL] == found.alarms[Tier.EMERGENCY] == 0
