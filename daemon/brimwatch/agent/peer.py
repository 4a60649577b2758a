"""Who is a process that is looked for: to us, and to itself?"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.agent.fault import AgentFault
from brimwatch.errors import MalformedProcFile
from brimwatch.hooks.wire import abstract_name, socket_name
from brimwatch.model import ProcessId, Reason
from brimwatch.procfs.descriptor import read_process_file
from brimwatch.procfs.stat import read_stat
from brimwatch.procfs.status import read_status


class Peer(NamedTuple):
    """`process` and `uid` are as we see them, `own_pid` and `own_uid` as the process itself does."""

    process: ProcessId
    uid: int
    own_pid: int
    own_uid: int

    @property
    def names(self) -> tuple[str, str]:
        """The file names that its socket may have."""
        return socket_name(self.own_pid, self.process.start_ticks), socket_name(self.own_pid)

    @property
    def abstract(self) -> bytes:
        """The abstract address that it may have."""
        return abstract_name(self.own_uid, self.own_pid, self.process.start_ticks)


def look_up(procfs: str, process: ProcessId) -> Peer:
    """Read who the process is. Takes no lock of it. Raises AgentFault: `vanished` or `denied`."""
    try:
        status = read_status(procfs, process.pid)
        own_pid = status.ns_pid[-1] if status.ns_pid else process.pid
        own_uid = _inside(read_process_file(procfs, process.pid, "uid_map"), status.uid)
        confirm(procfs, process)
    except ProcessLookupError:
        raise AgentFault(Reason.VANISHED, f"process {process.pid} has exited") from None
    except (OSError, MalformedProcFile) as error:
        raise AgentFault(Reason.DENIED, f"process {process.pid} may not be looked at: {error}") from None
    return Peer(process, status.uid, own_pid, own_uid)


def confirm(procfs: str, process: ProcessId) -> None:
    """Make sure that the PID is still this process's. Raises AgentFault."""
    try:
        if read_stat(procfs, process.pid).start_ticks == process.start_ticks:
            return
    except ProcessLookupError:
        pass  # said below
    except (OSError, MalformedProcFile) as error:
        raise AgentFault(Reason.DENIED, f"process {process.pid} may not be looked at: {error}") from None
    raise AgentFault(Reason.VANISHED, f"process {process.pid} has exited")


def _inside(uid_map: bytes, uid: int) -> int:
    """What a uid is called in a user namespace; the same where it is not mapped. Source: user_namespaces(7)."""
    for line in uid_map.splitlines():
        first, outside, length = (int(word) for word in line.split()[:3])
        if outside <= uid < outside + length:
            return first + uid - outside
    return uid
