"""Has a process exited, how, and if not, does it within a given time?

A pidfd becomes readable when its process has exited, reaped or not: pidfd_open(2).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import struct
import time

_GAP = 0.05
_INFO = struct.Struct("=Q52xi")  # struct pidfd_info, its first version: mask, what we do not ask for, exit_code
_GET_INFO = 3 << 30 | _INFO.size << 16 | 0xFF << 8 | 11  # PIDFD_GET_INFO
_EXIT = 1 << 3  # PIDFD_INFO_EXIT


def exited(pidfd: int, milliseconds: int = 0) -> bool:
    """True once the process is gone, or a zombie with no thread left. A negative descriptor stands for gone.

    Blocks for up to `milliseconds` until that is so.
    """
    if pidfd < 0:
        return True
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(milliseconds))


def wait_status(pidfd: int) -> int | None:
    """How the process ended, as wait(2) says it, to anybody who holds the descriptor.

    None while nobody has waited for it, and where the kernel does not tell: before Linux 6.15. Source:
    include/uapi/linux/pidfd.h.
    """
    if pidfd < 0:
        return None
    asked = bytearray(_INFO.pack(_EXIT, 0))
    try:
        fcntl.ioctl(pidfd, _GET_INFO, asked)
    except OSError:
        return None
    known, status = _INFO.unpack(asked)
    return int(status) if known & _EXIT else None


async def exits_within(pidfd: int, seconds: float) -> bool:
    """Wait up to `seconds` for the process to exit; True when it did.

    Waits on a duplicate: a loop has one reader for each descriptor, and the caller may be waiting on its own. Where no
    descriptor is left for that, it asks again and again.
    """
    if exited(pidfd):
        return True
    if seconds <= 0:
        return False
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    try:
        watched = os.dup(pidfd)
    except OSError:
        return await _polled(pidfd, seconds)
    try:
        over.get_loop().add_reader(watched, _settle, over)
        await asyncio.wait((over,), timeout=seconds)
        return over.done()
    finally:
        over.get_loop().remove_reader(watched)
        os.close(watched)
        over.cancel()


async def _polled(pidfd: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not exited(pidfd):
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(_GAP)
    return True


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
