"""What did a command print? Everything is read, the last 4 KiB are kept.

Unread output would stop the command at a full pipe; a flood of it must neither fill memory nor keep the loop busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os

from brimwatch.act.one_line import one_line

KEPT = 4096
_BUFFER = 1 << 18
_FREELY = 1 << 20  # bytes read as fast as they come
_PAUSE = 0.001  # seconds between two reads after that: at most 256 MB/s, and a few percent of a core
_SHOWN = 120


class Output:
    """One pipe: `end` is the writing end for the command. Raises OSError where there are no descriptors left."""

    def __init__(self) -> None:
        self._source, self.end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._source, False)
        with contextlib.suppress(OSError):  # over the user's share of pipe buffers: 64 KiB at a time then
            fcntl.fcntl(self._source, fcntl.F_SETPIPE_SZ, _BUFFER)
        self._buffer = bytearray(_BUFFER)
        self._tail = b""
        self._seen = 0
        self.ended = False  # every writing end is closed, and all was read
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def tail(self) -> bytes:
        """What is kept so far."""
        return self._tail

    def follow(self) -> None:
        """Read from now on. The command holds the writing end by now; ours is closed, so that an end is seen."""
        self._close_end()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._source, self._read)

    def last_line(self) -> str:
        """The last line that is not empty, bounded and printable; reads what is still in the pipe."""
        self._take()
        return one_line(self._tail.rstrip().replace(b"\r", b"\n").rpartition(b"\n")[2].strip(), _SHOWN)

    def close(self) -> None:
        """Stop reading; whoever still writes into the pipe gets SIGPIPE."""
        self._close_end()
        if self._timer is not None:
            self._timer.cancel()
        if self._source >= 0:
            self._pause()
            os.close(self._source)
            self._source = -1

    def _close_end(self) -> None:
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def _pause(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._source)

    def _resume(self) -> None:
        if self._loop is not None:
            self._loop.add_reader(self._source, self._read)

    def _read(self) -> None:
        self._take()
        if self.ended:
            self._pause()
        elif self._seen > _FREELY and self._loop is not None:
            self._pause()
            self._timer = self._loop.call_later(_PAUSE, self._resume)

    def _take(self) -> None:
        try:
            count = os.readv(self._source, [self._buffer])
        except BlockingIOError:
            return
        self._seen += count
        self._keep(count)
        self.ended = count == 0

    def _keep(self, count: int) -> None:
        """Keep what is wanted of the `count` bytes that came."""
        self._tail = (self._tail + self._buffer[max(0, count - KEPT) : count])[-KEPT:]


class Beginning(Output):
    """The other way round: the first `most` bytes are kept, of a program whose whole answer is wanted."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.text = bytearray()

    @property
    def cut(self) -> bool:
        """True where more came than was kept."""
        return self._seen > len(self.text)

    def finish(self) -> None:
        """Read what is still in the pipe of a program that has ended."""
        while not self.ended and not self.cut:
            before = self._seen
            self._take()
            if self._seen == before:
                return

    def _keep(self, count: int) -> None:
        super()._keep(count)
        self.text += self._buffer[: min(count, self._most - len(self.text))]
