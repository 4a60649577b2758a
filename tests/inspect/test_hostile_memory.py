"""Memory that was written to mislead: nothing crashes, nothing goes on for ever, and no number comes without a word."""

import random
import struct
from collections.abc import Callable

import pytest

from brimwatch.inspect.clock import Clock, OutOfTime
from brimwatch.inspect.found import Arenas, TypeShare
from brimwatch.inspect.glibc import count_arenas
from brimwatch.inspect.interpreter import find_state
from brimwatch.inspect.maps import PAGE, Mapping
from brimwatch.inspect.memory import Unreadable
from brimwatch.inspect.objects import count_objects, find_lists
from brimwatch.inspect.pymalloc import POOL, Pool
from brimwatch.inspect.type_sample import sample_types
from brimwatch.units import Seconds

BASE = 0x7F00_0000_0000
SIZE = 64 * PAGE
MOST = Seconds(0.2)
Write = Callable[[int, bytes], None]


class Blob:
    """A memory that is all there, from BASE on."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        self.swapped = 0

    def read(self, address: int, length: int) -> bytes:
        if not BASE <= address <= BASE + len(self.content) - length:
            raise Unreadable(14, hex(address))
        return bytes(self.content[address - BASE : address - BASE + length])

    def read_patched(self, address: int, length: int) -> bytes:
        start = max(0, address - BASE)
        return bytes(self.content[start : start + length]).ljust(length, b"\0")

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def page(self, address: int) -> bytes:
        return self.read(address, PAGE)

    def forget(self) -> None:
        return

    def put(self, offset: int, *words: int) -> None:
        struct.pack_into(f"<{len(words)}Q", self.content, offset, *words)


class AllThere:
    def present(self, start: int, end: int) -> int:
        return end - start


def noise() -> bytes:
    return random.Random(7).randbytes(SIZE)


def pointing_at_itself() -> bytes:
    return b"".join(struct.pack("<Q", BASE + offset) for offset in range(0, SIZE, 8))


def pointing_just_before() -> bytes:
    """Every pair of words is what an empty bin looks like."""
    pairs = (struct.pack("<QQ", BASE + offset - 16, BASE + offset - 16) for offset in range(0, SIZE, 16))
    return b"".join(pairs)


def pointing_at_each_other() -> bytes:
    draw = random.Random(8)
    return b"".join(struct.pack("<Q", BASE + 8 * draw.randrange(SIZE // 8)) for _ in range(SIZE // 8))


CONTENTS = [
    pytest.param(noise, id="random bytes"),
    pytest.param(pointing_at_itself, id="words that are their own addresses"),
    pytest.param(pointing_just_before, id="nothing but empty bins"),
    pytest.param(pointing_at_each_other, id="words that point anywhere within"),
    pytest.param(lambda: bytes(SIZE), id="nulls"),
    pytest.param(lambda: b"\xff" * SIZE, id="ones"),
]
LIBC = Mapping(BASE, BASE + SIZE, "rw-p", 0, 5, "/lib/libc.so.6")


@pytest.mark.parametrize("content", CONTENTS)
def test_no_arena_is_believed(content: Callable[[], bytes]) -> None:
    assert arenas_of(Blob(content())) is None


def arenas_of(blob: Blob) -> Arenas | None:
    try:
        return count_arenas(blob, (LIBC,), AllThere(), MOST)  # type: ignore[arg-type]
    except OutOfTime:
        return None


@pytest.mark.parametrize("content", CONTENTS)
def test_no_interpreter_is_believed(content: Callable[[], bytes]) -> None:
    blob = Blob(content())
    try:
        found = find_state(blob, blob.read(BASE, 16 * PAGE), Clock(MOST))  # type: ignore[arg-type]
    except OutOfTime:
        found = None, None, None
    assert found == (None, None, None)


@pytest.mark.parametrize("content", CONTENTS)
def test_no_objects_are_counted(content: Callable[[], bytes]) -> None:
    blob = Blob(content())
    lists = find_lists(blob, BASE)  # type: ignore[arg-type]
    assert lists is None or count_objects(blob, lists, MOST).objects is None  # type: ignore[arg-type]


@pytest.mark.parametrize("content", CONTENTS)
def test_no_type_is_believed(content: Callable[[], bytes]) -> None:
    pools = [Pool(BASE + offset, 32, 100, BASE + offset + 48, 5000) for offset in range(0, SIZE, POOL)]
    shares = sample_types(Blob(content()), pools, POOL)  # type: ignore[arg-type]
    assert [share for share in shares if not share.name.startswith("(no object")] == list[TypeShare]()


def arena(blob: Blob, offset: int, following: int, system: int = 1 << 20) -> int:
    """A main arena as glibc 2.31 and later has it, without a free chunk; its address."""
    address, bins = BASE + offset, offset + 112
    blob.put(bins - 16, BASE + 32 * PAGE)  # top
    for index in range(1, 128):
        blob.put(bins + (index - 1) * 16, *[BASE + bins + (index - 1) * 16 - 16] * 2)
    blob.put(bins + 2 * 8 * 127 + 16, following, 0, 0, system, system)
    blob.put(32 * PAGE + 8, 64 * 1024 | 1)
    return address


def test_an_honest_arena_is_counted() -> None:
    blob = Blob(bytes(SIZE))
    arena(blob, PAGE, BASE + PAGE)
    found = arenas_of(blob)
    assert found is not None
    assert (found.arenas, found.held, found.free, found.chunks, found.whole) == (1, 1 << 20, 65536, 0, True)


def test_a_ring_of_arenas_that_leads_to_what_is_none_is_not_believed() -> None:
    blob = Blob(bytes(SIZE))
    arena(blob, PAGE, BASE + 4 * PAGE)
    arena(blob, 4 * PAGE, BASE + 7 * PAGE)
    arena(blob, 7 * PAGE, BASE + 20 * PAGE)  # nulls
    assert arenas_of(blob) is None


def test_a_chain_of_free_chunks_that_leads_nowhere_is_said_to_be_incomplete() -> None:
    blob = Blob(bytes(SIZE))
    bins = PAGE + 112
    arena(blob, PAGE, BASE + PAGE)
    chunk = 20 * PAGE
    blob.put(bins, BASE + chunk)
    blob.put(chunk, 0, 4096, BASE + chunk, BASE + bins - 16)  # its next is itself
    found = arenas_of(blob)
    assert (found is not None, found and found.whole) == (True, False)


@pytest.mark.parametrize("size", [1 << 62, (1 << 20) + 16, 8, 0], ids=["huge", "larger than the arena", "tiny", "none"])
def test_a_free_chunk_of_impossible_size_is_not_counted(size: int) -> None:
    blob = Blob(bytes(SIZE))
    bins = PAGE + 112
    arena(blob, PAGE, BASE + PAGE)
    blob.put(bins, BASE + 20 * PAGE)
    blob.put(20 * PAGE, 0, size, BASE + bins - 16, BASE + bins - 16)
    found = arenas_of(blob)
    assert found is not None
    assert (found.whole, found.free) == (False, 65536)


def lists_with(blob: Blob, members: int, tail: Callable[[int], int]) -> int:
    """Where three heads are, the first with a chain of members; `tail` says where the last one leads."""
    head = BASE + 4096
    for index in range(3):
        blob.put(4096 + 24 * index, *[head + 24 * index] * 2, 700)
    blob.put(4096 + 72, head)
    last = head
    for number in range(members):
        here = BASE + 8192 + 32 * number
        blob.put(8192 + 32 * number, head, last)
        blob.put(last - BASE, here)
        last = here
    blob.put(4096 + 8, last)
    blob.put(last - BASE, tail(head))
    return head


def test_an_honest_list_is_counted() -> None:
    blob = Blob(bytes(SIZE))
    head = lists_with(blob, 100, lambda head: head)
    assert find_lists(blob, BASE) == head  # type: ignore[arg-type]
    assert count_objects(blob, head, MOST).objects == 100  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(lambda head: BASE + 8192, id="back to its first member"),
        pytest.param(lambda head: BASE + 8192 + 32 * 50, id="back to its middle"),
        pytest.param(lambda head: head + 24, id="into the next list"),
        pytest.param(lambda head: BASE + SIZE + 64, id="out of what is mapped"),
        pytest.param(lambda head: 0, id="nowhere"),
    ],
)
def test_a_list_that_does_not_come_home_is_no_number(tail: Callable[[int], int]) -> None:
    blob = Blob(bytes(SIZE))
    walked = count_objects(blob, lists_with(blob, 100, tail), MOST)  # type: ignore[arg-type]
    assert (walked.objects, bool(walked.why)) == (None, True)


@pytest.mark.parametrize("running", [1, -1, 7], ids=["it says so", "by a strange word", "by another"])
def test_while_the_collector_runs_nothing_is_counted(running: int) -> None:
    blob = Blob(bytes(SIZE))
    head = lists_with(blob, 100, lambda head: head)
    struct.pack_into("<i", blob.content, 4096 + 176, running)
    assert count_objects(blob, head, MOST) == (None, "its garbage collector ran meanwhile")  # type: ignore[arg-type]


@pytest.mark.parametrize("generation", range(3))
def test_when_the_collector_ran_in_between_nothing_is_counted(generation: int) -> None:
    class Collects(Blob):
        def page(self, address: int) -> bytes:
            self.put(4096 + 104 + 24 * generation, 1)
            return super().page(address)

    blob = Collects(bytes(SIZE))
    head = lists_with(blob, 100, lambda head: head)
    assert count_objects(blob, head, MOST) == (None, "its garbage collector ran meanwhile")  # type: ignore[arg-type]


def test_a_list_without_end_costs_what_was_granted_and_no_more() -> None:
    class Endless(Blob):
        def read(self, address: int, length: int) -> bytes:
            if length < 16 or length == 76:
                return super().read(address, length)
            pairs = range(address, address + length, 16)
            return b"".join(struct.pack("<QQ", here + 16, here - 16) for here in pairs)[:length]

    blob = Endless(bytes(SIZE))
    blob.put(4096, BASE + 4096 + 16)
    walked = count_objects(blob, BASE + 4096, Seconds(0.05))  # type: ignore[arg-type]
    assert walked.objects is None
    assert "the CPU time granted did not suffice" in walked.why
