"""How is the memory of another process read, without stopping it and without changing it?

By process_vm_readv(2). A read of a page that is not there is not harmless: a hole in shared anonymous memory is filled
by it (a read of 256 MiB added 262 MB to a target). So only private mappings are read, and of those only pages that
pagemap says are there, in small pieces.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator, Sequence

BATCH = 1024  # pieces of one call: IOV_MAX


class _Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_libc = ctypes.CDLL(None, use_errno=True)
_readv = _libc.process_vm_readv
_readv.restype = ctypes.c_ssize_t
_readv.argtypes = [
    ctypes.c_int, ctypes.POINTER(_Piece), ctypes.c_ulong, ctypes.POINTER(_Piece), ctypes.c_ulong, ctypes.c_ulong,
]  # fmt: skip


class Unreadable(OSError):  # noqa: N818 - named after what it is
    """An address that cannot be read: not mapped, or gone meanwhile."""


class Memory:
    """The memory of one process. `read_bytes` counts what was read, `calls` the system calls."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.calls = 0
        self.read_bytes = 0

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes. Raises Unreadable, PermissionError, ProcessLookupError."""
        buffer = ctypes.create_string_buffer(length)
        here = _Piece(ctypes.addressof(buffer), length)
        there = _Piece(address, length)
        got = self._call(here, ctypes.pointer(there), 1)
        if got != length:
            raise Unreadable(errno.EFAULT, f"{length} bytes at {address:#x}")
        self.read_bytes += length
        return buffer.raw

    def word(self, address: int) -> int:
        """The unsigned 8-byte word at an address; raises as `read` does."""
        return int.from_bytes(self.read(address, 8), "little")

    def runs(self, addresses: Sequence[int], length: int) -> Iterator[tuple[int, bytes]]:
        """`length` bytes at each address, as (index of the first address, the bytes of it and of those after it).

        What cannot be read is in no run. Raises PermissionError, ProcessLookupError. Source: process_vm_readv(2), which
        stops at the first piece that cannot be read.
        """
        buffer = ctypes.create_string_buffer(length * BATCH)
        pieces = (_Piece * BATCH)()
        position = 0
        while position < len(addresses):
            count = min(BATCH, len(addresses) - position)
            for index in range(count):
                pieces[index].base = addresses[position + index]
                pieces[index].length = length
            here = _Piece(ctypes.addressof(buffer), length * count)
            whole = max(0, self._call(here, pieces, count)) // length
            self.read_bytes += whole * length
            if whole:
                yield position, ctypes.string_at(buffer, whole * length)
            position += whole if whole == count else whole + 1

    def _call(self, here: _Piece, there: ctypes._Pointer[_Piece] | ctypes.Array[_Piece], count: int) -> int:
        self.calls += 1
        got = int(_readv(self.pid, ctypes.byref(here), 1, there, count, 0))
        if got >= 0:
            return got
        number = ctypes.get_errno()
        if number == errno.EFAULT:
            return -1
        raise OSError(number, os.strerror(number))
