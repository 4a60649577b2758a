"""May this signal go to this process right now? The second look, and the send right after it.

What a look finds holds for an instant: a process may end, execute another program (which resets its handlers), or reset
a handler itself. So everything that can be known before is looked at first, what the process catches is read last, and
the signal follows at once.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from brimwatch.act.evidence import Image, image_of
from brimwatch.act.exits import exited
from brimwatch.act.protect import protected
from brimwatch.act.request import Recipient
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Reason, Verdict
from brimwatch.procfs.stat import read_stat

_LONGEST_STATUS = 1 << 16


class Refusal(NamedTuple):
    """Why nothing was sent."""

    verdict: Verdict
    reason: Reason
    detail: str


class Order(NamedTuple):
    """What to send. `unhandled`: also to a process that does not catch it. `ends`: it is meant to end the process."""

    number: int
    unhandled: bool = False
    ignored: bool = False  # also to a process that ignores it
    ends: bool = False


class Changed(Exception):  # noqa: N818 - says what happened, and is no error
    """The process has executed another program since it was looked at."""


def look(recipient: Recipient, order: Order, procfs: str) -> Refusal | None:
    """Would this signal be refused, as far as can be told without looking at the runtime?"""
    return _guarded(recipient, order, None, procfs, sending=False)


def send(recipient: Recipient, order: Order, image: Image | None, procfs: str) -> Refusal | None:
    """Look again and send; None when it was sent. `image`: which program the runtime was recognised in.

    Raises Changed when the process executes another program by now.
    """
    return _guarded(recipient, order, image, procfs, sending=True)


def _guarded(recipient: Recipient, order: Order, image: Image | None, procfs: str, sending: bool) -> Refusal | None:
    try:
        return _look_and_send(recipient, order, image, procfs, sending)
    except ProcessLookupError:
        return _missing(recipient)
    except PermissionError:
        return Refusal(Verdict.FAILED, Reason.DENIED, "this user may not do that to it")
    except BlockingIOError:
        return Refusal(Verdict.FAILED, Reason.BUSY, "its queue of real-time signals is full")
    except (OSError, MalformedProcFile) as error:
        return Refusal(Verdict.FAILED, Reason.ERROR, str(error))


def _look_and_send(
    recipient: Recipient, order: Order, image: Image | None, procfs: str, sending: bool
) -> Refusal | None:
    identity = recipient.process
    if exited(recipient.pidfd) or read_stat(procfs, identity.pid).start_ticks != identity.start_ticks:
        return _VANISHED
    if order.ends and protected(identity, procfs) is not None:
        return Refusal(Verdict.SUPPRESSED, Reason.PROTECTED, "PID 1, Brimwatch, its ancestors and the kernel's threads")
    if image is not None and image_of(identity.pid, procfs) != image:
        raise Changed
    status = _open_status(procfs, identity.pid)
    try:
        if exited(recipient.pidfd):
            return _VANISHED
        text = os.pread(status, _LONGEST_STATUS, 0)
        # From here to the send a handler can still go: by exec, or by the program itself. That is a few microseconds
        # (measured: half of them under 2, 99 % under 7), and no system call joins the two. The identity needs no third
        # look: the pidfd reaches this process or none.
        refusal = _unhandled(text, order)
        if refusal is None and sending:
            signal.pidfd_send_signal(recipient.pidfd, order.number)
        return refusal
    finally:
        os.close(status)


def _open_status(procfs: str, pid: int) -> int:
    try:
        return os.open(f"{procfs}/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None


def _unhandled(status: bytes, order: Order) -> Refusal | None:
    """Refuse what is not caught. A blocked signal counts for nothing: the default action waits behind the block."""
    bit = 1 << (order.number - 1)
    if _mask(status, b"\nSigIgn:\t") & bit:
        return None if order.ignored else _IGNORED
    if order.unhandled or _mask(status, b"\nSigCgt:\t") & bit:
        return None
    return _NO_HANDLER


def _mask(status: bytes, label: bytes) -> int:
    """One signal mask of /proc/PID/status: proc_pid_status(5). These lines only: a full parse widens the gap."""
    start = status.find(label)
    if start < 0:
        raise MalformedProcFile(f"status without {label.decode().strip()}")
    try:
        return int(status[start + len(label) : start + len(label) + 16], 16)
    except ValueError:
        raise MalformedProcFile(f"status with an unreadable {label.decode().strip()}") from None


def _missing(recipient: Recipient) -> Refusal:
    if exited(recipient.pidfd):
        return _VANISHED
    return Refusal(Verdict.FAILED, Reason.DENIED, "it lives, but this user may not see it in /proc")


_VANISHED = Refusal(Verdict.SUPPRESSED, Reason.VANISHED, "it has exited")
_NO_HANDLER = Refusal(
    Verdict.SUPPRESSED, Reason.NO_HANDLER, "no handler is installed: the default action would be taken"
)
_IGNORED = Refusal(Verdict.SUPPRESSED, Reason.NO_HANDLER, "it ignores the signal")
