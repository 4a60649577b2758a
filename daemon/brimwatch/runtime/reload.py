"""Has the configuration changed? A content hash tells: editors rename, ConfigMaps swap a symlink, clocks step."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LARGEST = 8 << 20  # bytes


class ConfigFile:
    """A file whose content is compared, not its times."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._stat: tuple[int, int, int, int] | None = None
        self._digest: str | None = None
        self.seen()

    def seen(self) -> None:
        """Take the file as it is now for the one in force."""
        self._stat, self._digest = self._look()

    def changed(self) -> bool:
        """Is its content another than when it was last taken? A file that cannot be read has not changed.

        The content is read only where inode, size or times differ; a swapped `..data` symlink leads to another inode.
        """
        try:
            stat = _fingerprint(self.path)
        except OSError:
            return False
        if stat == self._stat:
            return False
        _, digest = self._look()
        if digest is None or digest == self._digest:
            self._stat = stat
            return False
        return True

    def _look(self) -> tuple[tuple[int, int, int, int] | None, str | None]:
        try:
            stat = _fingerprint(self.path)
            with open(self.path, "rb") as file:
                return stat, hashlib.sha256(file.read(LARGEST)).hexdigest()
        except OSError:
            return None, None


def _fingerprint(path: str) -> tuple[int, int, int, int]:
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` on a daemon thread of its own and wait for it: a large file takes seconds to parse.

    Not `asyncio.to_thread`: its threads stay, and are joined at exit.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def give(result: T | None, error: Exception | None) -> None:
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type] # None only where T allows it

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            loop.call_soon_threadsafe(give, None, error)
        else:
            loop.call_soon_threadsafe(give, result, None)

    threading.Thread(target=run, name="reload", daemon=True).start()
    return await answer
