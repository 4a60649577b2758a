"""Does the daemon's forecast warn of recorded leaks in time, and never of what is none? Real programs, recorded."""

import itertools
import math

import pytest
from tests.core.recorded.looking import LEAKS, OTHERS, end_of, limit_above, looks, ours, points

from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds

SOON = 30.0  # seconds: the longest that a built-in policy asks for
WARNED_AT = 0.7  # of the limit: where `standard` begins to ask
LATE = {  # seconds of warning that are less than asked for, and why
    "leak_below_a_sawtooth": 3.0,  # teeth as high as two thirds of a minute of the leak leave its slope in doubt
}


def entered(name: str, limit: float) -> list[tuple[float, Tier]]:
    """When an emergency of nothing but `time_to_limit: 30s` is entered and left, as the daemon judges it."""
    when = Condition((Threshold(Quantity.TIME_TO_LIMIT, SOON),))
    policy = Policy("p", (TierRule(Tier.EMERGENCY, when),))
    judgement: Judgement | None = None
    found = []
    for at, _, left in looks(name, limit, ours()):
        readings = {} if left is None else {Quantity.TIME_TO_LIMIT: Reading(left, at)}
        sample = Sample(at, readings, Limit(Bytes(int(limit)), "cgroup"))
        judgement, change = evaluate(policy, judgement, sample, Seconds(1.0))
        if change is not None:
            found.append((at, change.after))
    return found


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_an_emergency_before_its_limit(name: str) -> None:
    end, limit = end_of(name)
    changes = entered(name, limit)
    assert changes[-1][1] is Tier.EMERGENCY, "it was left again, and the limit came"
    assert LATE.get(name, 15.0) <= end - changes[0][0] <= 120


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_leak_is_no_emergency(name: str) -> None:
    assert entered(name, limit_above(name, WARNED_AT)) == []


@pytest.mark.parametrize("name", sorted(set(LEAKS) - {"leak_below_a_sawtooth", "leak_that_quickens"}))
def test_in_the_last_two_minutes_the_time_is_right_within_a_half(name: str) -> None:
    end, limit = end_of(name)
    told = [one for one in looks(name, limit, ours()) if 10 < end - one.at < 120 and one.left not in (None, math.inf)]
    errors = sorted(abs(one.left / (end - one.at) - 1) for one in told if one.left is not None)
    assert len(told) > 20
    assert errors[len(errors) // 2] < 0.5


@pytest.mark.parametrize("name", [*LEAKS, *OTHERS])
def test_a_trace_is_of_a_real_program_that_moved(name: str) -> None:
    trace = points(name)
    values = [held for _, held in trace]
    assert 350 <= len(trace) <= 480
    assert all(later > earlier for (earlier, _), (later, _) in itertools.pairwise(trace))
    assert min(values) > 5e6
    assert max(values) - min(values) > 50e6
