"""Where do the vectors lie? In a file: written by pwrite(2), read through a map, and never more of it than a piece.

Writing through a map would end the process by SIGBUS when the disk is full, so the map is for reading only. A file that
somebody cuts off while it is mapped would do the same: its length is looked at before each piece, which leaves a
moment of microseconds.
"""

from __future__ import annotations

import errno
import mmap
import os
import zlib

from brimwatch.hooks.vectors.header import DTYPES, PAGE, SIZE, Header, unpack
from brimwatch.hooks.vectors.libraries import VectorStoreError, need_numpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_TRIES = 5  # a reader may meet the head while another process writes it


class VectorFile:
    """An open file. Not thread-safe where it writes; pieces may be read by any thread at any time."""

    def __init__(self, path: str, writable: bool, salvage: bool = False) -> None:
        self.path, self.writable = path, writable
        self._numpy = need_numpy()
        self._file = open(path, "r+b" if writable else "rb", buffering=0)  # noqa: SIM115 - closed by close()
        self._map: mmap.mmap | None = None
        try:
            self.header = self._read_header()
            self._check_length(salvage)
            self._check_matrix()
        except BaseException:
            self._file.close()
            raise
        self.visible = self.header.count  # rows that a search may see; those of an unfinished add it may not

    def refresh(self) -> bool:
        """See what another process has added; False where it has put another file in the place of this one."""
        try:
            same = os.stat(self.path).st_ino == os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False
        if same:
            self.header = self._read_header()
            self.visible = self.header.count
        return same

    def append(self, rows: Any) -> int:
        """Write rows (with their weights) behind the last one; returns the first one's number.

        They are not `visible` yet. Raises VectorStoreError, with nothing changed, where they cannot be written.
        """
        first = self.header.count
        try:
            self._write(rows.tobytes(), self._offset(first))
            self.header.count = first + len(rows)
            self.write_header()
        except BaseException:
            self.take_back(first)
            raise
        return first

    def take_back(self, count: int) -> None:
        """Rows from this number on were not added."""
        self.header.count = count
        self.write_header()
        os.ftruncate(self._file.fileno(), self.header.file_bytes)

    def replace(self, row: int, content: Any) -> None:
        """Write a row that no search sees: its weight is 0."""
        self._write(content.tobytes(), self._offset(row))

    def weigh(self, row: int, weight: float) -> None:
        """Set the weight of a row; 0: it is not to be found any more."""
        value = self._numpy.array([weight], DTYPES[self.header.item])
        self._write(value.tobytes(), self._offset(row + 1) - self.header.item)

    def write_header(self) -> None:
        """Say what the file holds."""
        self._write(self.header.pack(), 0)

    def sync(self) -> None:
        """On the disk, not only in the kernel's memory: for a power cut. fdatasync(2)."""
        os.fdatasync(self._file.fileno())

    def pieces(self, rows: int) -> Iterator[tuple[int, Any]]:
        """All visible rows, `rows` at a time, with the number of the first; each piece is gone when the next comes."""
        visible, header = self.visible, self.header
        mapped = self._mapped(header.data_offset + visible * header.row_bytes) if visible else None
        for first in range(0, visible, rows):
            number = min(rows, visible - first)
            offset = header.data_offset + first * header.row_bytes
            self._check_end(offset + number * header.row_bytes)
            piece = self._view(mapped, offset, number)
            yield first, piece
            del piece
            # A fault brings the pages around it too, those before it that were given back among them.
            back = min(first, rows) * header.row_bytes
            _forget(mapped, offset - back, number * header.row_bytes + back)

    def row(self, number: int) -> Any:
        """A copy of one row, its weight last."""
        content = os.pread(self._file.fileno(), self.header.row_bytes, self._offset(number))
        if len(content) != self.header.row_bytes:
            raise _cut_off(self.path)
        return self._numpy.frombuffer(content, DTYPES[self.header.item])

    def project(self, vectors: Any) -> Any:
        """Vectors (float32) with as many dimensions as are stored, by the matrix of the file if it has one."""
        header = self.header
        if header.dimensions == header.input:
            return vectors
        self._check_end(header.data_offset)
        mapped = self._mapped(header.data_offset)
        matrix = self._numpy.frombuffer(mapped, "<f4", header.input * header.dimensions, PAGE)
        projected = vectors @ matrix.reshape(header.input, header.dimensions)
        del matrix
        _forget(mapped, PAGE, header.data_offset - PAGE)
        return projected

    def forget(self) -> None:
        """Give back every page of the map that is still resident; they come again when they are read."""
        mapped = self._map
        if mapped is not None:
            _forget(mapped, 0, len(mapped))

    def close(self) -> None:
        """The end; a search that is under way keeps the map for itself."""
        self._map = None
        self._file.close()

    def _offset(self, row: int) -> int:
        return self.header.data_offset + row * self.header.row_bytes

    def _mapped(self, size: int) -> mmap.mmap:
        mapped = self._map
        if mapped is None or len(mapped) < size:
            self._check_end(size)
            self._map = mapped = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ)
        return mapped

    def _view(self, mapped: Any, offset: int, rows: int) -> Any:
        items = self.header.dimensions + 1
        flat = self._numpy.frombuffer(mapped, DTYPES[self.header.item], rows * items, offset)
        return flat.reshape(rows, items)

    def _write(self, content: bytes, offset: int) -> None:
        view = memoryview(content)
        while view:
            try:
                written = os.pwrite(self._file.fileno(), view, offset)
            except OSError as fault:
                raise VectorStoreError(fault.errno, f"cannot be written: {fault.strerror}", self.path) from fault
            view, offset = view[written:], offset + written

    def _read_header(self) -> Header:
        for attempt in range(_TRIES):
            content = os.pread(self._file.fileno(), SIZE, 0)
            try:
                return unpack(self.path, content)
            except VectorStoreError:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError

    def _check_length(self, salvage: bool) -> None:
        """What lies behind the last row was never added; what is missing was lost."""
        header = self.header
        size = os.fstat(self._file.fileno()).st_size
        if size < header.file_bytes:
            whole = max(0, size - header.data_offset) // header.row_bytes
            if not salvage or not self.writable or size < header.data_offset:
                raise VectorStoreError(
                    f"{self.path}: it is cut off: found {whole} whole vectors, wanted {header.count}; "
                    "VectorStore(..., salvage=True) goes on with those that are whole"
                )
            header.count, header.in_use = whole, True
            self.write_header()

    def _check_matrix(self) -> None:
        header = self.header
        if header.dimensions != header.input:
            size = header.input * header.dimensions * 4
            mapped = self._mapped(header.data_offset)
            with memoryview(mapped) as whole, whole[PAGE : PAGE + size] as matrix:
                found = zlib.crc32(matrix)
            _forget(mapped, PAGE, size)
            if found != header.matrix_sum:
                raise VectorStoreError(f"{self.path}: the matrix by which vectors are reduced is damaged")

    def _check_end(self, end: int) -> None:
        if os.fstat(self._file.fileno()).st_size < end:
            raise _cut_off(self.path)


def create(path: str, header: Header, matrix: Any = None, pieces: Any = ()) -> None:
    """Make a file with a head, a matrix and rows, in one step: until it is whole there is none, or the one of before.

    Raises VectorStoreError where it cannot be written.
    """
    beside = f"{path}.new"
    if matrix is not None:
        header.matrix_sum = zlib.crc32(matrix.tobytes())
    try:
        with open(beside, "wb", opener=_private) as file:
            file.write(bytes(header.data_offset))
            for piece in pieces:
                file.write(piece.tobytes())
                header.count += len(piece)
            if matrix is not None:
                file.seek(PAGE)
                file.write(matrix.tobytes())
            file.seek(0)
            file.write(header.pack())
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as fault:
        if os.path.exists(beside):
            os.unlink(beside)
        raise VectorStoreError(fault.errno, f"cannot be written: {fault.strerror}", path) from fault


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _cut_off(path: str) -> VectorStoreError:
    return VectorStoreError(errno.EIO, "somebody has cut it off while it was open", path)


def _forget(mapped: Any, offset: int, size: int) -> None:
    """The pages of a piece count as resident until they are given back. madvise(2), MADV_DONTNEED."""
    first = offset - offset % mmap.PAGESIZE
    mapped.madvise(mmap.MADV_DONTNEED, first, min(offset + size, len(mapped)) - first)
