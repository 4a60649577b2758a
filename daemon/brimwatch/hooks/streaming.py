"""How is a file read that is larger than memory? Piece by piece, each within a bound: `hooks.stream_chunks`."""

from __future__ import annotations

import _thread
import codecs
import os

from brimwatch.hooks.amounts import amount
from brimwatch.hooks.block import enrol
from brimwatch.hooks.following import rank, tier
from brimwatch.hooks.forking import FORKING
from brimwatch.hooks.json_elements import Malformed, TooLong, elements
from brimwatch.hooks.living import Living
from brimwatch.hooks.registry import DEFAULT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

CHUNK_BYTES = 262_144
SMALLEST = 4096  # what a read shrinks to while memory is short
BOUND = 16_000_000
WHERE = "hooks.stream_chunks"


class ChunkTooLarge(ValueError):  # noqa: N818 - says what was found
    """A line or element is larger than `most_bytes`: nothing of it is held any more."""


def stream_chunks(
    source: str | os.PathLike[str] | BinaryIO,
    kind: str = "lines",
    *,
    chunk_bytes: int | str = CHUNK_BYTES,
    most_bytes: int | str = BOUND,
    items: str | None = None,
) -> Stream:
    """What is in a file or a binary file object, within `chunk_bytes` and twice `most_bytes` of memory.

    `kind`: `"bytes"` gives pieces of at most `chunk_bytes`; `"lines"` text without line ends, from UTF-8; `"jsonl"` the
    value of each line that is not blank; `"json"` the elements of the array that the file is, or that is found there
    under the dotted key `items` (which needs ijson). A path that ends in `.gz` is decompressed. At critical and above
    reads are of 4 KiB. Several threads may share the iterator; it closes what it has opened when it ends, by `close()`
    and at the end of a `with`.

    Raises ValueError for arguments that cannot be; in between ChunkTooLarge for a line or an element of more than
    `most_bytes`, ValueError for what is not of that kind, with its number, and OSError.
    """
    readers: dict[str, Callable[[Stream], Iterator[Any]]] = {
        "bytes": _pieces, "lines": _lines, "jsonl": _json_lines, "json": _array,
    }  # fmt: skip
    if kind not in readers:
        raise ValueError(f"{WHERE}: found the kind {kind!r:.80}, wanted one of {', '.join(readers)}")
    if items is not None and kind != "json":
        raise ValueError(f"{WHERE}: found items={items!r:.80} with {kind}, wanted it with json alone")
    stream = Stream(source, amount(chunk_bytes, WHERE, 1), amount(most_bytes, WHERE, 1), items)
    stream.values = readers[kind](stream)
    return stream


class Streams:
    """The streams of this process; they are one hook."""

    def __init__(self) -> None:
        self.open = Living()
        self.bytes = self.chunks = self.streams = 0
        self.lock = _thread.RLock()
        self.name = ""

    def add(self, stream: Stream) -> None:
        """One was begun."""
        with self.lock:
            self.streams += 1
            self.open.add(stream)
            if not self.name:
                enrol(self, "stream_chunks", order=DEFAULT)

    def done(self, stream: Stream) -> None:
        """One has ended."""
        with self.lock:
            if stream in self.open:
                self.open.discard(stream)
                self.bytes += stream.bytes
                self.chunks += stream.chunks

    def size_bytes(self) -> int:
        """Bytes of the buffers of those that are open, at most."""
        return sum(stream.held for stream in self.open)

    def info(self) -> dict[str, int]:
        """Figures for metrics."""
        streams = list(self.open)
        return {
            "streams": self.streams,
            "open": len(streams),
            "bytes": self.bytes + sum(stream.bytes for stream in streams),
            "chunks": self.chunks + sum(stream.chunks for stream in streams),
        }

    def shrink(self, _request: Any) -> None:
        """The hook: the reads that follow are small ones, until they have grown again."""
        for stream in self.open:
            stream.step = min(stream.step, SMALLEST)

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: streams go on there as well, each for itself."""


STREAMS = Streams()


class Stream:
    """One file on its way through: an iterator that counts its `bytes` and `chunks`, and `held`, what it may hold."""

    def __init__(self, source: Any, chunk: int, bound: int, items: str | None) -> None:
        self.chunk, self.bound, self.items = chunk, bound, items
        self.bytes = self.chunks = self.held = 0
        self.step = chunk
        self.values: Iterator[Any] = iter(())
        self.label, self._file, self._ours = _opened(source, chunk)
        self._lock = _thread.RLock()
        FORKING.mind(self)
        STREAMS.add(self)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        with self._lock:
            try:
                value = next(self.values)
            except BaseException:
                self.close()
                raise
            self.chunks += 1
            return value

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Read no more. A file that the caller opened stays open."""
        self.values, self.held = iter(()), 0
        STREAMS.done(self)
        if self._ours:
            self._file.close()

    def read(self) -> bytes:
        """The next bytes, as many as memory allows; a read that was made small doubles from time to time."""
        short = rank(tier()) >= rank("critical")
        size = min(SMALLEST, self.chunk) if short else self.step
        self.step = min(self.chunk, 2 * self.step)
        found = self._file.read(size)
        if not isinstance(found, (bytes, bytearray, memoryview)):
            raise ValueError(f"{WHERE}: {self.label} gives {type(found).__name__}, wanted a binary file")
        self.bytes += len(found)
        self.held = max(self.held, len(found))
        return bytes(found)

    def lines(self, most: int) -> Iterator[bytes]:
        """Lines with their ends, cut after `most` bytes."""
        readline = self._file.readline
        while True:
            found = readline(most)
            size = len(found)
            self.bytes += size
            if size > self.held:
                self.held = size
            if type(found) is not bytes:
                raise ValueError(f"{WHERE}: {self.label} gives {type(found).__name__}, wanted a binary file")
            if not found:
                return
            yield found

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: who held the lock, perhaps for as long as a read takes, is not there."""
        self._lock = _thread.RLock()


def _opened(source: Any, chunk: int) -> tuple[str, Any, bool]:
    """A name for messages, the file, and whether it is ours to close."""
    if hasattr(source, "read"):
        return repr(getattr(source, "name", type(source).__name__))[:80], source, False
    try:
        path = os.fspath(source)
    except TypeError:
        raise ValueError(f"{WHERE}: found {source!r:.80}, wanted a path or a binary file") from None
    if os.fsdecode(path).endswith(".gz"):
        import gzip

        return repr(path), gzip.open(path, "rb"), True
    return repr(path), open(path, "rb", buffering=max(SMALLEST, chunk)), True


def _pieces(stream: Stream) -> Iterator[bytes]:
    while True:
        piece = stream.read()
        if not piece:
            return
        yield piece


def _lines(stream: Stream) -> Iterator[str]:
    bound = stream.bound
    # The longest that may be, and its end of at most two bytes.
    for number, line in enumerate(stream.lines(bound + 2), 1):
        text = line[: -2 if line.endswith(b"\r\n") else -1] if line.endswith(b"\n") else line
        if len(text) > bound:
            raise ChunkTooLarge(f"{stream.label}: line {number} has more than {bound} bytes")
        try:
            yield text.decode()
        except UnicodeDecodeError as fault:
            raise ValueError(f"{stream.label}: line {number} is no UTF-8: {fault.reason}") from None


def _json_lines(stream: Stream) -> Iterator[Any]:
    import json

    for number, line in enumerate(_lines(stream), 1):
        if line and not line.isspace():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as fault:
                raise ValueError(f"{stream.label}: line {number}: {fault}") from None


def _array(stream: Stream) -> Iterator[Any]:
    if stream.items is not None:
        return _found_by_ijson(stream, stream.items)
    return _found_by_us(stream)


def _found_by_us(stream: Stream) -> Iterator[Any]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()

    def more() -> str:
        text = ""
        while not text:  # a piece may end within a character
            piece = stream.read()
            text = decoder.decode(piece, final=not piece)
            if not piece:
                break
        return text

    try:
        yield from elements(more, stream.bound)
    except TooLong as fault:
        raise ChunkTooLarge(f"{stream.label}: {fault}") from None
    except (Malformed, UnicodeDecodeError) as fault:
        raise ValueError(f"{stream.label}: {fault}") from None


def _found_by_ijson(stream: Stream, items: str) -> Iterator[Any]:
    try:
        import ijson  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise ValueError(f"{WHERE}: found items={items!r:.80}, which needs ijson: pip install ijson") from None

    bounded = _Bounded(stream)
    try:
        for value in ijson.items(bounded, f"{items}.item", use_float=True):
            bounded.since = stream.bytes
            yield value
    except ijson.JSONError as fault:
        raise ValueError(f"{stream.label}: {fault}") from None


class _Bounded:
    """The file as ijson reads it, which would build an element of any size: between two of them there is a bound."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.since = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""
        if self._stream.bytes - self.since > self._stream.bound:
            where = f"after byte {self.since} there are more than {self._stream.bound}"
            raise ChunkTooLarge(f"{self._stream.label}: {where} without an element")
        return self._stream.read()
