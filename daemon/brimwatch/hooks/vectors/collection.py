"""How do vectors and texts stay one thing, whatever happens in between? What is added is seen when it is whole.

A row is written first, then its key is committed, then the row may be found: an add that ends half-way leaves a row
that nobody finds, and the next process that writes uses it again. Not thread-safe: the store has a lock.
"""

from __future__ import annotations

import os

from brimwatch.hooks.vectors.checks import unit
from brimwatch.hooks.vectors.file import VectorFile, create
from brimwatch.hooks.vectors.header import DTYPES, Header
from brimwatch.hooks.vectors.libraries import VectorStoreError, need_numpy
from brimwatch.hooks.vectors.lock import WriterLock
from brimwatch.hooks.vectors.reduction import Learning
from brimwatch.hooks.vectors.texts import Texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

AT_ONCE = 256  # vectors of one write
_LEARNT_FROM = 4  # vectors for each dimension that is to be kept, before a reduction is tried


class Collection:
    """The files of one store: `path`, and beside it `.texts` (with SQLite's log) and `.lock`."""

    def __init__(self, path: str, item: int, writable: bool, salvage: bool) -> None:
        self.path, self.item, self.writable = path, item, writable
        self.lock: WriterLock | None = WriterLock(f"{path}.lock") if writable else None
        self.file: VectorFile | None = None
        self.texts: Texts | None = None
        try:
            self._open(salvage)
        except BaseException:
            self.close()
            raise

    def _open(self, salvage: bool) -> None:
        there = os.path.exists(self.path) and os.path.getsize(self.path) > 0
        if not there and not self.writable:
            raise VectorStoreError(f"{self.path}: there is no store to read")
        if there:
            self.file = VectorFile(self.path, self.writable, salvage)  # before a file is made beside a foreign one
        texts = self.texts = Texts(f"{self.path}.texts", self.writable)
        if texts.id() != (self.file.header.id if self.file is not None else None):
            raise VectorStoreError(
                f"{texts.path}: these are not the texts of {self.path}: one of the two is missing or foreign"
            )
        if self.writable and self.file is not None:
            self._settle(salvage)

    @property
    def input(self) -> int | None:
        """Dimensions that vectors have to have; None before the first."""
        return None if self.file is None else self.file.header.input

    def add(self, keys: list[str], vectors: Any, texts: list[str], priorities: list[float]) -> None:
        """Some vectors, all of them or, where that cannot be, none. Raises VectorStoreError."""
        file, known = self._file_for(vectors.shape[1]), self._known()
        numpy = need_numpy()
        projected = file.project(unit(vectors))
        rows = numpy.empty((len(keys), file.header.dimensions + 1), DTYPES[file.header.item])
        rows[:, :-1], rows[:, -1] = projected, priorities
        count = file.header.count
        known.begin()
        try:
            free = known.use_free(len(keys))
            places = [*free, *range(count, count + len(keys) - len(free))]
            for place, row in zip(free, rows):
                file.replace(place, numpy.append(row[:-1], row.dtype.type(0)))
            if len(rows) > len(free):
                file.append(rows[len(free) :])
            put = (known.put(*all_) for all_ in zip(places, keys, priorities, texts))
            gone = [before for before in put if before is not None]
            known.commit()
        except BaseException:
            known.rollback()
            file.take_back(count)
            raise
        weights = dict(zip(places, priorities))
        # Of a key that comes twice in one call the last one stays.
        for place in {*free, *gone}:
            file.weigh(place, 0.0 if place in gone else weights[place])
        file.visible = file.header.count

    def delete(self, key: str) -> bool:
        """False where there is none."""
        known = self._known()
        known.begin()
        try:
            row = known.take(key)
            known.commit()
        except BaseException:
            known.rollback()
            raise
        if row is not None and self.file is not None:
            self.file.weigh(row, 0.0)
        return row is not None

    def wants_reducing(self, dimensions: int) -> bool:
        """Whether there are enough vectors to learn from, and nobody has tried."""
        header = None if self.file is None else self.file.header
        return (
            header is not None
            and not header.tried
            and header.dimensions == header.input > dimensions
            and header.count >= _LEARNT_FROM * dimensions
        )

    def reduce(self, dimensions: int, least_variance: float) -> float:
        """Learn a matrix, and write the file anew with it where it keeps enough; returns the share that it keeps."""
        file = self.file
        if file is None or file.header.dimensions != file.header.input or not dimensions < file.header.input:
            raise ValueError(f"VectorStore: cannot be reduced to {dimensions} dimensions")
        learning = Learning(file.header.input)
        learning.see(self._vectors())
        learning.solve(dimensions)
        kept = learning.variance_kept(self._vectors())
        file.header.tried = True
        if kept < least_variance:
            file.write_header()
            return kept
        header = Header(dimensions, file.header.input, file.header.item, file.header.id)
        header.variance, header.tried, header.in_use = kept, True, True
        create(self.path, header, learning.matrix, self._reduced(learning.matrix))
        self.file = VectorFile(self.path, writable=True)
        file.close()
        return kept

    def sync(self) -> None:
        """For a power cut; without it what was added last may be lost then (not when the process is killed)."""
        if self.file is not None:
            self.file.sync()

    def refresh(self) -> None:
        """See what the writing process has done, where that is another one."""
        if not self.writable and self.file is not None and not self.file.refresh():
            self.file.close()
            self.file = VectorFile(self.path, writable=False)

    def become_reader(self) -> None:
        """In a forked child: the files are its parent's to write. SQLite's connection may not even be closed here."""
        if self.texts is None:
            return
        if self.lock is not None:
            self.lock.close()
        _ABANDONED.append(self.texts)
        self.lock, self.writable, self.texts = None, False, None
        if self.file is not None:
            self.file.close()
            self.file = VectorFile(self.path, writable=False)
        self.texts = Texts(f"{self.path}.texts", writable=False)

    def close(self) -> None:
        """The end, in good order: the next process that writes need not look at every row."""
        try:
            if self.texts is not None:
                self.texts.close()
            if self.file is not None and self.writable:
                self.file.header.in_use = False
                self.file.write_header()
                self.file.sync()
        finally:
            if self.file is not None:
                self.file.close()
            if self.lock is not None:
                self.lock.close()
            self.file = self.texts = self.lock = None

    def _known(self) -> Texts:
        if self.texts is None or not self.writable:
            raise VectorStoreError(f"{self.path}: it is closed, or open for reading only")
        return self.texts

    def _file_for(self, dimensions: int) -> VectorFile:
        if self.file is None:
            known = self._known()
            header = Header(dimensions, dimensions, self.item, os.urandom(16))
            header.in_use = True
            create(self.path, header)
            try:
                known.name(header.id)
                self.file = VectorFile(self.path, writable=True)
            except BaseException:
                os.unlink(self.path)
                raise
        return self.file

    def _vectors(self) -> Iterator[Any]:
        """Those that have a key."""
        for _, piece in self.file.pieces(AT_ONCE) if self.file is not None else ():
            yield piece[piece[:, -1] > 0][:, :-1]

    def _reduced(self, matrix: Any) -> Iterator[Any]:
        numpy = need_numpy()
        for _, piece in self.file.pieces(AT_ONCE) if self.file is not None else ():
            rows = numpy.empty((len(piece), matrix.shape[1] + 1), piece.dtype)
            rows[:, :-1], rows[:, -1] = piece[:, :-1].astype(numpy.float32) @ matrix, piece[:, -1]
            yield rows

    def _settle(self, salvage: bool) -> None:
        """After an end in bad order: which rows have a key, which a weight?"""
        file, known = self.file, self._known()
        if file is None:
            return
        if file.header.in_use:
            known.begin()
            try:
                if known.cut(file.header.count) and not salvage:
                    raise VectorStoreError(
                        f"{self.path}: it has lost vectors; VectorStore(..., salvage=True) goes on without"
                    )
                self._settle_rows(file, known)
                known.commit()
            except BaseException:
                known.rollback()
                raise
        file.header.in_use = True
        file.write_header()

    def _settle_rows(self, file: VectorFile, known: Texts) -> None:
        numpy = need_numpy()
        wanted = numpy.zeros(file.header.count, numpy.float32)
        for row, priority in known.all_rows():
            wanted[row] = priority
        for first, piece in file.pieces(4 * AT_ONCE):
            weights = wanted[first : first + len(piece)].astype(piece.dtype)
            for place in numpy.flatnonzero(piece[:, -1] != weights):
                file.weigh(first + int(place), float(weights[place]))
        known.set_free(int(row) for row in numpy.flatnonzero(wanted == 0))


_ABANDONED: list[Any] = []  # connections of a parent
