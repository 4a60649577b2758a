"""Is a replayed history told as a person would?"""

import pytest
from tests.core.traces import LIMIT, MB, ramp, rows_of, teeth

from brimwatch.core.autopsy import Autopsy, examine
from brimwatch.core.death import Death, death
from brimwatch.record.autopsy_facts import AUTOPSY_FACTS
from brimwatch.record.autopsy_told import (
    advice,
    autopsy_sentence,
    death_facts,
    measured_facts,
    told_rungs,
    told_tiers,
)
from brimwatch.units import Seconds


def found(points: list[tuple[float, float]], killed_at: float, needed: float = 2.0) -> Autopsy:
    return examine(rows_of(points), killed_at, True, Seconds(needed))


FAST = found([*ramp(0, 60, 100, 0), *ramp(60.1, 65.1, 100, 80)], 65.1)
SAW = found([*teeth(0, 270, 200, 360, 30), *ramp(270, 280, 200, 30)], 280.0, 6.0)
STEP = found([*ramp(0, 60, 100, 0, 1.0), (60.5, 490.0)], 60.6)
TOO_FAST = found([*ramp(0, 60, 100, 0), *ramp(60.1, 65.1, 100, 80)], 65.1, 4.0)
YOUNG = found(ramp(0, 1, 100, 400), 1.0)
ABOVE = found(ramp(0, 20, 480, 1), 20.0)
LOW = found(ramp(0, 60, 100, 0.1), 60.0)
NOTHING = found([], 1.0)


@pytest.mark.parametrize(
    ("autopsy", "told"),
    [
        pytest.param(FAST, "a tier at 65 % of the limit (325.0 MB) would have given 2.1s", id="a threshold helps"),
        pytest.param(
            SAW,
            "a tier at 60 % of the limit (300.0 MB) would have given 6.6s, "
            "and have been entered 9 times before in 4m 40s",
            id="at the price of false alarms",
        ),
        pytest.param(
            ABOVE, "a tier at 95 % of the limit (475.0 MB) would have given at least 20.0s", id="it was above all along"
        ),
        pytest.param(
            STEP,
            "no threshold would have left the 2.0s that rungs need: 390.0 MB came between two looks",
            id="nobody could catch a step",
        ),
        pytest.param(
            TOO_FAST,
            "no threshold would have left the 4.0s that rungs need: the earliest would have left 3.1s",
            id="faster than the rungs",
        ),
        pytest.param(
            YOUNG,
            "it was watched for 1.0s only: no threshold leaves the 2.0s that rungs need",
            id="it lived too short a time",
        ),
        pytest.param(
            LOW,
            "no threshold would have left the 2.0s that rungs need: half of the limit was never reached before",
            id="it was killed far below its limit",
        ),
        pytest.param(NOTHING, "nothing was measured before: it lived for less than a look", id="never measured"),
    ],
)
def test_the_advice_is_plain(autopsy: Autopsy, told: str) -> None:
    assert advice(autopsy) == told


def test_facts_are_those_of_the_catalogue_and_none_is_unknown() -> None:
    facts = measured_facts(FAST)
    assert set(facts) <= set(AUTOPSY_FACTS)
    assert (facts["peak_bytes"], facts["limit_bytes"], facts["advised_ratio"]) == (500 * MB, LIMIT, 0.65)
    assert (facts["advised_bytes"], facts["advised_seconds"], facts["needed_seconds"]) == (325 * MB, 2.1, 2.0)
    assert set(measured_facts(NOTHING)) == {"seen_seconds", "needed_seconds", "advice"}


def test_the_sentence_says_how_it_died_who_was_warned_and_what_would_have_helped() -> None:
    rungs = [
        {"action": "reclaim", "tier": "critical", "reclaimed_bytes": 20 * MB},
        {"action": "usr1", "tier": "emergency", "reason": "no_handler"},
        {"action": "stacks", "tier": "emergency"},
    ]
    facts = measured_facts(FAST) | {
        "tiers": told_tiers([("warning", 1.2), ("critical", 0.4)]),
        "tried": told_rungs(rungs),
    }
    assert autopsy_sentence("checkout#1", facts) == (
        "checkout#1 died, last seen at 500.0 MB of 500.0 MB, growing 40.0 MB/s; "
        "entered warning 1.2s, critical 400ms before; tried reclaim (critical) won back 20.0 MB, "
        "usr1 (emergency) no_handler, stacks (emergency) ran; "
        "a tier at 65 % of the limit (325.0 MB) would have given 2.1s"
    )


def test_a_target_that_lives_on_did_not_die() -> None:
    told = autopsy_sentence("checkout", measured_facts(STEP) | {"survived": True})
    assert told.startswith("the kernel killed a process in the cgroup of checkout, last seen at 490.0 MB of 500.0 MB")
    assert "no tier was entered before" in told


def test_an_estimated_end_is_said_to_be_one() -> None:
    rows = rows_of([(0.0, 255.0), (5.0, 355.0)])
    end = death(rows, 15.0, False, True)
    assert end == Death(at=12.25, about=True, unsure=10.0, last=355 * MB, last_at=5.0)
    facts = death_facts(end, 15.0) | measured_facts(examine(rows, end.at, True, Seconds(2.0)), end.about)
    assert set(facts) <= set(AUTOPSY_FACTS)
    told = autopsy_sentence("shop", facts | {"tiers": told_tiers([("critical", 7.25)], end.about)})
    assert told == (
        "shop died, last seen at 355.0 MB of 500.0 MB about 7.2s before, growing 20.0 MB/s; "
        "when is an estimate: it was noticed within 10.0s; entered critical about 7.2s before; nothing was done; "
        "a tier at 70 % of the limit (350.0 MB) would have given about 7.2s"
    )
