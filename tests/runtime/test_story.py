"""Is what happens counted for the targets that there are, and for no others?"""

from tests.runtime.doubles import MONO, subject

from brimwatch.model import Action, Outcome, Tier, Verdict
from brimwatch.record.catalogue import Level
from brimwatch.record.events import EventLog
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime.story import Story
from brimwatch.units import Seconds

PAGER = Action("pager", "webhook", None, tells=True)


def series(metrics: Metrics) -> list[str]:
    counts = (sample for family in metrics.registry.collect() for sample in family.samples)
    return [one.name for one in counts if one.labels.get("target") == "cache" and one.name.startswith("brimwatch_act")]


def test_a_message_that_outlives_its_target_brings_no_series_back() -> None:
    metrics, events = Metrics(process=False), EventLog()
    story = Story(metrics, events, Log(Format.LOGFMT, Level.ERROR))
    target = subject().target
    outcome = Outcome(Tier.CRITICAL, PAGER, -1, Verdict.RUN, MONO, MONO, Seconds(1.0))
    story.declare(target)
    story.ended("cache", None, outcome, None)
    counted = series(metrics)
    story.forget(target)
    story.ended("cache", None, outcome, None)
    assert (counted, series(metrics)) == (["brimwatch_actions_total"], [])
    assert [one.event.name.value for one in events.since()] == ["action_ran", "action_ran"]
