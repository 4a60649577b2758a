"""Has the kernel killed a process whose cgroup cannot say so any more? A container's goes as soon as it has ended.

Where the kernel tells how the process ended (Linux 6.15 and later), by SIGKILL and at its limit is evidence, and any
other end is none. Elsewhere so little was left of the limit that a kill is likely.
"""

from __future__ import annotations

import os
import signal

from brimwatch.act.exits import wait_status
from brimwatch.core.history import SPAN
from brimwatch.core.settle import may_end
from brimwatch.model import Firing, ProcessId
from brimwatch.runtime.subject import Subject

SHARE = 0.02  # a process that was gone with less headroom than this share of its limit was killed, we infer


def uncounted(subject: Subject, process: ProcessId, firing: Firing | None, now: float) -> str | None:
    """`exit`, `inferred`, or None where it was hardly the kernel. `firing` is the rung that ran when the process ended.

    `now` in monotonic seconds.
    """
    sample = subject.sample
    if sample is None or sample.limit is None or sample.headroom is None or sample.limit.source != "cgroup":
        return None
    if may_end(firing):
        return None  # that may have been us
    status = wait_status(subject.watched[process].pidfd)
    if status is not None:
        by_kill = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        return "exit" if by_kill and _at_its_limit(subject, now) else None
    near = sample.headroom < SHARE * sample.limit.bytes
    return "inferred" if near else None


def _at_its_limit(subject: Subject, now: float) -> bool:
    from brimwatch.core.death import may_have_reached_limit  # with the autopsy, 300 objects that most never need

    ended = now if subject.ended_at is None else subject.ended_at
    return may_have_reached_limit(subject.history.rows(now - SPAN), ended, True)
