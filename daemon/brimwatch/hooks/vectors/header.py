"""What stands at the head of a vector file? What its rows are, and a checksum by which a damaged head is known."""

from __future__ import annotations

import struct
import zlib

from brimwatch.hooks.vectors.libraries import VectorStoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAGIC = b"BRIMVECT"
VERSION = 1
PAGE = 4096  # what follows the head begins at a page
DTYPES = {2: "float16", 4: "float32"}  # by bytes of an item
_FIELDS = struct.Struct(
    "<8sHHIIIQd16sI"
)  # magic, version, item, dimensions, input, flags, count, variance, id, data's sum
_SUM = struct.Struct("<I")
SIZE = _FIELDS.size + _SUM.size
_IN_USE, _TRIED = 1, 2


class Header:
    """Of one file. `count` rows of `dimensions` items and a weight each; `input` is what vectors have before they are
    reduced, by the matrix that follows the head where the two differ. `variance`: what the reduction keeps, 0 to 1."""

    __slots__ = ("count", "dimensions", "id", "in_use", "input", "item", "matrix_sum", "tried", "variance")

    def __init__(self, dimensions: int, input_: int, item: int, id_: bytes) -> None:
        self.dimensions, self.input, self.item, self.id = dimensions, input_, item, id_
        self.count = 0
        self.variance = 1.0
        self.matrix_sum = 0
        self.in_use = self.tried = False

    @property
    def row_bytes(self) -> int:
        """A vector and its weight."""
        return (self.dimensions + 1) * self.item

    @property
    def data_offset(self) -> int:
        """Where the first row begins."""
        matrix = 0 if self.dimensions == self.input else self.input * self.dimensions * 4
        return PAGE + -(-matrix // PAGE) * PAGE

    @property
    def file_bytes(self) -> int:
        """How long the file has to be."""
        return self.data_offset + self.count * self.row_bytes

    def pack(self) -> bytes:
        """As it stands in the file."""
        flags = _IN_USE * self.in_use | _TRIED * self.tried
        fields = _FIELDS.pack(
            MAGIC, VERSION, self.item, self.dimensions, self.input, flags, self.count, self.variance, self.id,
            self.matrix_sum,
        )  # fmt: skip
        return fields + _SUM.pack(zlib.crc32(fields))


def unpack(path: str, content: bytes) -> Header:
    """Read a head. Raises VectorStoreError for what is none of ours, is damaged, or of another version."""
    if content[: len(MAGIC)] != MAGIC:
        raise VectorStoreError(f"{path}: found {content[:8]!r}, wanted {MAGIC!r}: this is no vector file of ours")
    if len(content) < SIZE or _SUM.unpack_from(content, _FIELDS.size)[0] != zlib.crc32(content[: _FIELDS.size]):
        raise VectorStoreError(f"{path}: its head is damaged: the checksum is not that of what it says")
    fields: tuple[Any, ...] = _FIELDS.unpack_from(content)
    _, version, item, dimensions, input_, flags, count, variance, id_, matrix_sum = fields
    if version != VERSION or item not in DTYPES or not 0 < dimensions <= input_:
        raise VectorStoreError(f"{path}: found version {version}, wanted {VERSION}")
    header = Header(dimensions, input_, item, id_)
    header.count, header.variance, header.matrix_sum = count, variance, matrix_sum
    header.in_use, header.tried = bool(flags & _IN_USE), bool(flags & _TRIED)
    return header
