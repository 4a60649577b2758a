"""How is one change taken back with its record, and what becomes of those that a killed daemon has left?

Everything here waits for files, and runs on a thread.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from brimwatch.act.undo import CgroupChange, Change, Hold, State
from brimwatch.act.undo_cgroup import restore_high
from brimwatch.act.undo_rlimit import restore_data
from brimwatch.act.undo_store import Leftover, RecordFile
from brimwatch.procfs.cgroup_place import Directory
from brimwatch.runtime.undo_folders import find_leftovers


class Cleared(NamedTuple):
    """What became of one leftover: a state, or an error, or neither for one that is not believed."""

    leftover: Leftover
    state: State | None = None
    error: Exception | None = None


def take_back(hold: Hold, file: RecordFile, procfs: str) -> State:
    """Put back what was there, then remove the record. Raises Refused, OSError, MalformedProcFile."""

    def put_back(change: Change, directory: Directory | None) -> State:
        if isinstance(change, CgroupChange):
            state = restore_high(change, directory, procfs)
        else:
            state = restore_data(change, procfs)
        file.remove()
        return state

    return hold.take_back(put_back)


def forget(hold: Hold, file: RecordFile) -> None:
    """Remove the record of a change that was not made. A file that stays is found to be needless at the next start."""

    def remove(_: Change, __: Directory | None) -> State:
        with suppress(OSError):
            file.remove()
        return State("it was not made", gone=True)

    hold.take_back(remove)


def clear_up(run_dir: str, procfs: str, boot: str) -> list[Cleared]:
    """Undo every leftover, one after the other; `boot` tells those of this start of the machine."""
    cleared = []
    for leftover in find_leftovers(run_dir):
        undo, file = leftover.undo, leftover.file
        if undo is None or file is None:
            cleared.append(Cleared(leftover))
            continue
        try:
            if undo.boot != boot:
                file.remove()
                state = State("the machine was started anew since", gone=True)
            else:
                state = take_back(Hold(undo), file, procfs)
            cleared.append(Cleared(leftover, state))
        except Exception as error:  # noqa: BLE001 - one that cannot be undone must not keep the others in force
            cleared.append(Cleared(leftover, error=error))
    return cleared
