"""How is a recording read from a file? Line by line, within bounds; damage is told with its line."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from brimwatch.core import recorded as rows
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.record.not_samples import no_recording
from brimwatch.record.samples_fields import Malformed
from brimwatch.record.samples_read import RowReader

LONGEST_LINE = 4 << 20  # bytes: budgets of thousands of targets fit
_GZIP = b"\x1f\x8b"


class SampleFile:
    """The rows of a recording; `-` is standard input, what is compressed by gzip is read as well.

    `torn`: the number of a last line that was cut off in the middle, as by a full disk or a kill. `line`: the number of
    the last one read. Raises BrimwatchError where the file cannot be read or is damaged, UsageError where it is none.
    """

    def __init__(self, path: str) -> None:
        self.path = "standard input" if path == "-" else path
        self.line = 0
        self.torn: int | None = None
        self._reader = RowReader()
        try:
            plain = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115 - `rows` closes it
            compressed = isinstance(plain, io.BufferedReader) and plain.peek(2)[:2] == _GZIP
        except (OSError, ValueError) as error:
            raise BrimwatchError(f"{path}: {getattr(error, 'strerror', None) or error}; wanted a recording") from None
        self._stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=plain) if compressed else plain

    @property
    def unknown(self) -> int:
        """How many rows were of kinds that this version does not know."""
        return self._reader.unknown

    def rows(self) -> Iterator[rows.Row]:
        """Row after row, the header first."""
        with self._stream:
            for line in self._lines():
                try:
                    row = self._reader.row(line)
                except Malformed as error:
                    self._refuse_other(line)
                    raise BrimwatchError(f"{self.path}:{self.line}: {error}") from None
                if isinstance(row, rows.Header) is not (self.line == 1):
                    self._refuse_other(line)
                    raise BrimwatchError(f"{self.path}:{self.line}: wanted no second header: one file, one run")
                if row is not None:
                    yield row
        if self.line == 0:
            self._refuse_other(b"")

    def _refuse_other(self, line: bytes) -> None:
        """Raise UsageError where this, the first line, shows that the file is something else."""
        why = no_recording(self.path, line) if self.line <= 1 else None
        if why is not None:
            raise UsageError(why)

    def _lines(self) -> Iterator[bytes]:
        while True:
            try:
                line = self._stream.readline(LONGEST_LINE)
            except EOFError:  # a gzip file that was cut off
                self.torn = self.line + 1
                return
            except (OSError, zlib.error) as error:
                raise BrimwatchError(f"{self.path}:{self.line + 1}: cannot be read: {error}") from None
            if not line:
                return
            if not line.endswith(b"\n"):
                if len(line) >= LONGEST_LINE:
                    raise BrimwatchError(
                        f"{self.path}:{self.line + 1}: longer than {LONGEST_LINE} bytes; no row of ours is"
                    )
                if self.line == 0:
                    self.line = 1
                    yield line  # a file of one line: what is wrong with it says more than that it is torn
                    return
                self.torn = self.line + 1
                return
            self.line += 1
            yield line
