"""`trim`: does the C library hold memory that nobody uses? Where it is glibc, malloc_trim(3) gives it back."""

from __future__ import annotations

import _thread

from brimwatch.hooks.process import rss
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.wire import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Library:
    """The C library, opened when first used: ctypes takes about a megabyte.

    A fork in the middle of an import leaves the child with a lock that nobody will release, hence `importing`, which
    a fork waits for.
    """

    def __init__(self) -> None:
        self.importing = _thread.allocate_lock()
        self._trim: Any = None

    def renew_lock(self) -> None:
        """In a forked child: whoever held it is not there."""
        self.importing = _thread.allocate_lock()

    def trim(self) -> Any:
        """malloc_trim as a function. Raises Skip where there is none."""
        if self._trim is None:
            with self.importing:
                self._trim = self._find()
        return self._trim

    def _find(self) -> Any:
        try:
            import ctypes

            library = ctypes.CDLL(None)
            library.gnu_get_libc_version  # noqa: B018 - another C library may have a malloc_trim that does nothing
            found = library.malloc_trim
            found.argtypes, found.restype = (ctypes.c_size_t,), ctypes.c_int
        except (ImportError, OSError, AttributeError) as error:
            raise Skip(UNSUPPORTED, f"no malloc_trim here: {error}") from None
        return found


LIBRARY = Library()


def trim(_request: Request) -> int | None:
    """The hook: bytes by which the resident set fell. Raises Skip where the C library is another one."""
    function = LIBRARY.trim()
    before = rss()
    function(0)  # ctypes lets other threads run meanwhile
    after = rss()
    return None if before is None or after is None else max(0, before - after)
