"""What came a tier closest to being entered?"""

import pytest

from brimwatch.core.nearness import Nearness
from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity

CRITICAL = Tier.CRITICAL


def nearest(condition: Condition, *looks: dict[Quantity, float], limit: int | None = 1000) -> object:
    near = Nearness()
    policy = Policy("test", (TierRule(CRITICAL, condition),))
    for at, look in enumerate(looks):
        readings = {quantity: Reading(value, at) for quantity, value in look.items()}
        near.look(policy, Sample(at, readings, None if limit is None else Limit(limit, "cgroup")))
    return near.closest.get(CRITICAL)


RSS, LEFT, THREADS = Quantity.RSS, Quantity.TIME_TO_LIMIT, Quantity.THREADS


def test_the_look_that_came_nearest_is_kept() -> None:
    found = nearest(Condition((Threshold(RSS, 0.85, True),)), {RSS: 100}, {RSS: 812}, {RSS: 500})
    assert (found.value, found.level, found.at, found.limit) == (812, 850, 1, 1000)


def test_of_any_threshold_the_nearest_counts() -> None:
    condition = Condition((Threshold(RSS, 1000), Threshold(THREADS, 8)))
    assert nearest(condition, {RSS: 100, THREADS: 7}).threshold.quantity is THREADS


def test_where_all_are_needed_the_one_that_is_missing_most_counts() -> None:
    condition = Condition((Threshold(RSS, 1000), Threshold(THREADS, 8)), every=True)
    assert nearest(condition, {RSS: 100, THREADS: 7}).threshold.quantity is RSS


def test_where_all_are_needed_a_look_without_one_of_them_says_nothing() -> None:
    condition = Condition((Threshold(RSS, 1000), Threshold(THREADS, 8)), every=True)
    assert nearest(condition, {RSS: 100}) is None


def test_less_time_to_the_limit_is_nearer() -> None:
    found = nearest(Condition((Threshold(LEFT, 20.0),)), {LEFT: 400.0}, {LEFT: 40.0}, {LEFT: float("inf")})
    assert (found.value, found.ratio) == (40.0, 0.5)


@pytest.mark.parametrize(
    ("look", "limit"), [({}, 1000), ({RSS: 5}, None), ({RSS: float("nan")}, 1000)],
    ids=["nothing was measured", "the limit is not known", "no number"],
)  # fmt: skip
def test_what_cannot_be_told_comes_near_nothing(look: dict[Quantity, float], limit: int | None) -> None:
    assert nearest(Condition((Threshold(RSS, 0.85, True),)), look, limit=limit) is None
