"""What does a replay make of the lines that a recorder handed out?"""

from brimwatch.cli.replaying import Judge
from brimwatch.core.replay import Assume, Replay
from brimwatch.record.agreement import Agreement, event_of
from brimwatch.record.samples_read import RowReader


def replayed(lines: bytes) -> Agreement:
    """The comparison of a whole recording with its own replay."""
    replay, agreement, reader = Replay(Judge(None, Assume.RECORDED).plan), Agreement(), RowReader()
    for line in lines.splitlines():
        row = reader.row(line)
        if row is not None:  # a policy, which later rows name, is none
            agreement.take(row, [event for one in replay.feed(row) if (event := event_of(one)) is not None])
    return agreement
