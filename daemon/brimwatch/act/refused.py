"""Why was something not done? Raised from wherever that is found out, and told as one part of an attempt."""

from __future__ import annotations

import errno

from brimwatch.act.one_line import one_line
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Reason, Verdict


class Refused(Exception):  # noqa: N818 - says what happened, and is often no error
    """Nothing was done. `detail` is a sentence for people."""

    def __init__(self, reason: Reason, detail: str, verdict: Verdict = Verdict.SUPPRESSED) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.verdict = verdict


def refusal_of(error: Exception, wanted: str) -> Refused:
    """An error of the operating system as a refusal; `wanted` says what was tried, such as `write memory.high`."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ProcessLookupError | FileNotFoundError) or _number(error) == errno.ENODEV:
        return Refused(Reason.VANISHED, "its process or its cgroup is gone")
    if isinstance(error, PermissionError) or _number(error) == errno.EROFS:
        why = "is mounted read-only" if _number(error) == errno.EROFS else "is not allowed"
        return Refused(Reason.DENIED, f"to {wanted} {why}", Verdict.FAILED)
    if isinstance(error, TimeoutError):
        return Refused(Reason.DEADLINE, f"to {wanted} took too long", Verdict.FAILED)
    if isinstance(error, OSError | MalformedProcFile):
        return Refused(Reason.ERROR, one_line(str(error)), Verdict.FAILED)
    return Refused(Reason.ERROR, one_line(repr(error)), Verdict.FAILED)


def _number(error: Exception) -> int | None:
    return error.errno if isinstance(error, OSError) else None
