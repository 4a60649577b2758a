"""Does the demonstration tell what the daemon measured?"""

from types import SimpleNamespace
from typing import Any

import pytest

from brimwatch.cli.demo_story import Narrator
from brimwatch.model import Reading, Sample, Tier
from brimwatch.quantity import Quantity


def test_the_peak_is_that_of_all_looks_and_not_only_of_those_that_the_story_saw(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sample = Sample(1.0, {Quantity.RSS: Reading(359.2e6, 1.0)})
    subject = SimpleNamespace(tier=Tier.EMERGENCY, sample=sample, peak=361.8e6)
    engine: Any = SimpleNamespace(membership=SimpleNamespace(targets={"demo": SimpleNamespace(subjects={1: subject})}))
    narrator = Narrator(400_000_000, 60.0, "127.0.0.1:1")
    narrator._look(engine)
    narrator.conclude()

    assert "Summary: peak 361.8 MB of 400.0 MB" in capsys.readouterr().out
