"""Is a loop that was held up said to be, once, and its return?"""

from brimwatch.record.catalogue import Level
from brimwatch.record.events import EventLog
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime.punctual import Punctual
from brimwatch.runtime.story import Story


def test_a_stall_is_said_once_and_so_is_its_end() -> None:
    events = EventLog()
    punctual = Punctual(Story(Metrics(), events, Log(Format.LOGFMT, Level.ERROR)))
    for now, due in ((1.0, float("inf")), (2.0, 1.9), (9.0, 3.0), (14.0, 9.5), (15.0, 15.0), (16.0, 16.0)):
        punctual.ticked(now, due, 1.0)
    told = [(one.event.name.value, dict(one.event.facts)) for one in events.since()]
    assert told == [("watch_stalled", {"late_seconds": 6.0}), ("watch_resumed", {"stalled_seconds": 12.0})]


def test_less_than_three_intervals_is_no_stall() -> None:
    events = EventLog()
    Punctual(Story(Metrics(), events, Log(Format.LOGFMT, Level.ERROR))).ticked(13.9, 10.0, 1.0)
    assert events.since() == ()
