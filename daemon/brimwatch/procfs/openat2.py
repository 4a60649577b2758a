"""How is a path opened that somebody else may have laid traps on?"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_NUMBER = 437  # the same on every architecture but alpha
_ATTEMPTS = 8  # EAGAIN: something on the way was renamed or mounted meanwhile


@lru_cache(maxsize=1)
def _library() -> tuple[Any, Any]:
    """The C library with its errno kept for us; ctypes is imported only where a target's root must be entered."""
    import ctypes

    return ctypes, ctypes.CDLL(None, use_errno=True)


def _call(function: Callable[[], int], ctypes: Any, path: str) -> int:
    for _ in range(_ATTEMPTS):
        result = function()
        if result >= 0:
            return result
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            raise OSError(number, os.strerror(number), path)
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)


def openat2(directory: int, path: str, flags: int, resolve: int) -> int:
    """Open `path` from the directory descriptor under the resolve rules; returns a descriptor.

    Raises OSError: ELOOP for a link that the rules forbid, EXDEV for a way out, ENOSYS before Linux 5.6 (under some
    seccomp filters EPERM). There is no fallback on purpose: without these rules a target's path is not to be opened.
    Source: openat2(2).
    """
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    ctypes, library = _library()
    how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, 0, resolve)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    number = ctypes.c_long(_NUMBER)
    arguments = (ctypes.c_int(directory), ctypes.c_char_p(encoded), ctypes.byref(how), size)
    return _call(lambda: int(library.syscall(number, *arguments)), ctypes, path)


def filesystem_type(descriptor: int) -> int:
    """The magic number of the file system behind a descriptor. Raises OSError. Source: statfs(2), 64-bit."""
    ctypes, library = _library()
    buffer = (ctypes.c_long * 32)()
    _call(lambda: int(library.fstatfs(ctypes.c_int(descriptor), ctypes.byref(buffer))), ctypes, "fstatfs")
    return int(buffer[0])
