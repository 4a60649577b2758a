"""What does one look set going, for the budgets?"""

import pytest

from brimwatch.core.budget import Spent
from brimwatch.core.course import accounted
from brimwatch.core.decide import Ladder, Step
from brimwatch.model import Action, Budget, Outcome, Reason, Tier, Verdict
from brimwatch.units import Seconds

RESTART = Action("restart", "signal", None, ends_process=True, at_most=Budget(1, Seconds(600.0)))


@pytest.mark.parametrize(
    ("reason", "free"),
    [
        pytest.param(Reason.NO_HANDLER, True, id="what was refused at the last look is given back"),
        pytest.param(Reason.SUPERSEDED, False, id="a rung that a higher tier stopped may have sent its signal"),
    ],
)
def test_a_run_counts_unless_nothing_was_done(reason: Reason, free: bool) -> None:
    spent = Spent().spend("shop", RESTART, 10.0)
    outcome = Outcome(Tier.CRITICAL, RESTART, 0, Verdict.SUPPRESSED, 12.0, 10.0, Seconds(2.0), reason=reason)
    after = accounted(spent, "shop", Step(Ladder(), outcomes=(outcome,)))
    assert after.allows("shop", RESTART, 13.0) is free
