"""How does a guard speak on standard error, which is the command's as well?

Never on standard output: that belongs to the command. Whole lines, each in one write, which are lost rather than waited
for where nobody reads; and, on a terminal to which the command does not print its results, one line that is drawn anew.
"""

from __future__ import annotations

import contextlib
import enum
import os
import select
import threading

from brimwatch.record.text import escaped

PREFIX = "brimwatch: "
_LONGEST = 600
_CLEAR = "\r\x1b[K"
_WIDTH = 80  # columns, where the terminal does not say


class Progress(enum.StrEnum):
    """What is shown while the command runs."""

    OFF = "off"
    LINES = "lines"
    STATUS = "status"


def chosen(asked: str, error_is_terminal: bool, output_is_terminal: bool) -> Progress:
    """What `--progress` means here: a status line only where it does not get between the command and its reader."""
    if asked == "off":
        return Progress.OFF
    if error_is_terminal and (asked == "on" or not output_is_terminal):
        return Progress.STATUS
    return Progress.LINES


class Teller:
    """Writes to one descriptor; for use from two threads."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lock = threading.Lock()
        self._drawn = False

    def say(self, text: str, patience: float = 0.0) -> None:
        """Write one line. `patience`: seconds that a full pipe is waited for."""
        with self._lock:
            self._clear()
            self._write(f"{PREFIX}{escaped(text, _LONGEST)}\n", patience)

    def draw(self, text: str) -> None:
        """Show the status line, unless another program has the terminal now."""
        with self._lock:
            if self._in_front():
                self._drawn = True
                shown = escaped(PREFIX + text, _LONGEST)[: self._columns() - 1]
                self._write(f"{_CLEAR}{shown}", 0.0)

    def clear(self) -> None:
        """Take the status line away."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._drawn:
            self._drawn = False
            self._write(_CLEAR, 0.0)

    def _in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:  # not our controlling terminal: nobody else can be in front there
            return True

    def _columns(self) -> int:
        try:
            return max(20, os.get_terminal_size(self._descriptor).columns or _WIDTH)
        except OSError:
            return _WIDTH

    def _write(self, text: str, patience: float) -> None:
        with contextlib.suppress(OSError):  # nobody reads: the command goes on
            if self._poll.poll(patience * 1000):
                os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))
