"""What is a read that may take its time, who waits for it, and why did it bring nothing?"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NamedTuple

from brimwatch.model import ProcessId

_REASON = 200  # characters


class SlowRead(NamedTuple):
    """One read to be made elsewhere, and its result (or exception) to be handed to `accept` of whoever gave it out.

    `identity` is None for the machine. A `quick` read waits for no lock that the target holds.
    """

    identity: ProcessId | None
    source: str
    read: Callable[[], object]
    quick: bool = True


def failure_reason(result: object) -> str | None:
    """Why a source is out of reach, in words; None where its process is gone, or we lack descriptors."""
    if isinstance(result, ProcessLookupError):
        return None
    if isinstance(result, OSError) and result.errno in (errno.EMFILE, errno.ENFILE, errno.ENODEV):
        return None
    if isinstance(result, TimeoutError):
        return "no answer in time"
    if isinstance(result, FileNotFoundError):
        return "this kernel has no such file"
    if isinstance(result, OSError):
        where = f": {result.filename}" if isinstance(result.filename, str) else ""
        return f"{result.strerror or result}{where}"[:_REASON]
    return (str(result) or type(result).__name__)[:_REASON]
