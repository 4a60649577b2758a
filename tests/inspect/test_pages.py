"""Which pages are there, and which were swapped out: from a pagemap made by hand, since not every machine has swap."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from brimwatch.inspect.maps import PAGE, Mapping
from brimwatch.inspect.pages import PRESENT, SWAPPED, Pages
from brimwatch.inspect.present import Absent, PresentMemory
from brimwatch.inspect.pymalloc import POOL, count_pools

PID = 4242
START = 0x1000_0000
THERE, AWAY, NOT_THERE = 1 << 63, 1 << 62, 0
FULL_POOL = struct.pack("<I4xQQQIIII", 1021, 0, 0, 0, 0, 0, POOL, POOL - 16)


def mapping(start: int, pages: int) -> Mapping:
    return Mapping(start, start + pages * PAGE, "rw-p", 0, 0, "")


def pages_of(procfs: Path, entries: dict[int, Sequence[int]], *mappings: Mapping) -> Pages:
    """A process whose pagemap says this of the pages from each address on."""
    folder = procfs / str(PID)
    folder.mkdir()
    with (folder / "pagemap").open("wb") as stream:
        for address, flags in entries.items():
            stream.seek(address // PAGE * 8)
            stream.write(struct.pack(f"<{len(flags)}Q", *flags))
    return Pages(str(procfs), PID, mappings)


class FullPools:
    """A memory that holds a full pool wherever it is read."""

    def runs(self, addresses: Sequence[int], length: int) -> Iterator[tuple[int, bytes]]:
        yield 0, FULL_POOL[:length] * len(addresses)


class Untouched:
    """A memory that must not be read."""

    def read(self, address: int, length: int) -> bytes:
        raise AssertionError(f"{address:#x} was read")


def test_a_page_is_there_swapped_or_neither(tmp_path: Path) -> None:
    pages = pages_of(tmp_path, {START: [THERE, AWAY, NOT_THERE]}, mapping(START, 3))
    assert [pages.flags(START + number * PAGE) for number in range(3)] == [PRESENT, SWAPPED, 0]


def test_outside_of_the_mappings_nothing_is_there(tmp_path: Path) -> None:
    pages = pages_of(tmp_path, {START: [THERE] * 3}, mapping(START + PAGE, 1))
    assert [pages.flags(START + number * PAGE) for number in range(3)] == [0, PRESENT, 0]


def test_presence_is_counted_across_the_pieces_that_are_read_at_once(tmp_path: Path) -> None:
    near_the_border = (16 << 20) - 2 * PAGE
    pages = pages_of(tmp_path, {near_the_border: [THERE, NOT_THERE, THERE, THERE]}, mapping(near_the_border, 4))
    assert pages.present(near_the_border, near_the_border + 4 * PAGE) == 3 * PAGE
    assert pages.present(near_the_border + PAGE, near_the_border + 3 * PAGE) == PAGE


def test_a_large_reservation_leaves_nothing_in_our_memory(tmp_path: Path) -> None:
    terabyte = mapping(START, (1 << 30) // PAGE)
    pages = pages_of(tmp_path, {START: [THERE]}, terabyte)
    assert sum(len(flags) for _, flags in pages.spans()) == 4096
    assert pages.present(terabyte.start, terabyte.end) == PAGE


def test_a_process_that_is_gone_has_no_pages(tmp_path: Path) -> None:
    pages = pages_of(tmp_path, {}, mapping(START, 5))
    assert pages.present(START, START + 5 * PAGE) == 0


def test_swapped_pools_are_left_out_and_counted(tmp_path: Path) -> None:
    quarter = [THERE] * 12 + [AWAY] * 4  # three pools are there, one is not
    pools = count_pools(FullPools(), pages_of(tmp_path, {START: quarter}, mapping(START, 16)))  # type: ignore[arg-type]
    assert (pools.blocks, pools.pools, pools.swapped, pools.complete_ratio) == (3 * 1021, 3, 1, 0.75)


@pytest.mark.parametrize(("flags", "why"), [(AWAY, "swapped out"), (NOT_THERE, "not there")])
def test_what_is_not_there_is_never_read(tmp_path: Path, flags: int, why: str) -> None:
    memory = PresentMemory(Untouched(), pages_of(tmp_path, {START: [flags]}, mapping(START, 1)))  # type: ignore[arg-type]
    with pytest.raises(Absent, match=why):
        memory.read(START + 8, 8)
    assert memory.read_patched(START, PAGE) == bytes(PAGE)
    assert memory.swapped == 2 * (flags == AWAY)
