"""The address space: grouping, cutting, names that try to be something else."""

from pathlib import Path

import pytest

from brimwatch.inspect.report import MappingGroup, Mappings
from brimwatch.inspect.smaps import parse_smaps, read_smaps
from brimwatch.units import Bytes

KIB = 1024


def mapping(name: str, addresses: str = "1000-3000", **fields: int) -> str:
    lines = [f"{addresses} rw-p 00000000 08:01 42" + (f"                         {name}" if name else "")]
    lines += [f"{field}:{value:>16} kB" for field, value in fields.items()]
    return "\n".join([*lines, "VmFlags: rd wr mr mw me ac "]) + "\n"


def group(name: str, number: int, rss: int, pss: int, swap: int, vms: int) -> MappingGroup:
    return MappingGroup(name, number, Bytes(rss * KIB), Bytes(pss * KIB), Bytes(swap * KIB), Bytes(vms * KIB))


def test_mappings_of_one_file_are_one_group_and_the_largest_comes_first() -> None:
    text = (
        mapping("/lib/libc.so.6", Size=8, KernelPageSize=4, Rss=4, Pss=1, Swap=0)
        + mapping("", "4000-8000", Rss=12, Pss=12, Pss_Dirty=12, Swap=4, AnonHugePages=8, LazyFree=2)
        + mapping("/lib/libc.so.6", "8000-9000", Rss=4, Pss=1, Swap=0)
        + mapping("[heap]", "9000-a000", Rss=4, Pss=4, Swap=2)
    )

    assert parse_smaps(text.encode()) == Mappings(
        count=4,
        kinds=3,
        groups=(
            group("[anonymous]", 1, 12, 12, 4, 16),
            group("/lib/libc.so.6", 2, 8, 2, 0, 12),
            group("[heap]", 1, 4, 4, 2, 4),
        ),
        rss=Bytes(24 * KIB),
        huge=Bytes(8 * KIB),
        freed=Bytes(2 * KIB),
        whole=True,
    )


@pytest.mark.parametrize(
    "name",
    [
        "/tmp/Rss:   999999 kB",
        "/tmp/1000-2000 rw-p 00000000 08:01 42 /x",
        "/tmp/a\\012Rss:\\040999 kB",
        "/memfd: x (deleted)",
    ],
    ids=[
        "a file named like a size is no size",
        "a file named like a mapping is no mapping",
        "a newline in a name stays escaped",
        "a memfd keeps its name",
    ],
)
def test_a_name_is_only_a_name(name: str) -> None:
    found = parse_smaps(mapping(name, Rss=4, Pss=4, Swap=0).encode())

    assert (found.count, found.groups) == (1, (group(name, 1, 4, 4, 0, 8),))


def test_bytes_that_are_no_utf_8_are_shown_as_escapes() -> None:
    found = parse_smaps(mapping("/tmp/NAME", Rss=4).encode().replace(b"NAME", b"\xff\xfe"))

    assert [one.name for one in found.groups] == ["/tmp/\\xff\\xfe"]


def test_no_text_is_no_mapping() -> None:
    assert parse_smaps(b"") == Mappings(0, 0, (), Bytes(0), Bytes(0), Bytes(0), True)


def test_a_list_that_is_too_long_is_cut_after_a_whole_mapping(tmp_path: Path) -> None:
    whole = mapping("/a", Rss=4, Pss=4, Swap=0)
    (tmp_path / "smaps").write_text(whole * 3)

    found = read_smaps(str(tmp_path), most=2 * len(whole) + 60)

    assert (found.whole, found.count, found.rss) == (False, 2, 8 * KIB)


def test_a_list_below_the_bound_is_whole(tmp_path: Path) -> None:
    (tmp_path / "smaps").write_text(mapping("/a", Rss=4) * 3)

    found = read_smaps(str(tmp_path))

    assert (found.whole, found.count) == (True, 3)


def test_no_more_than_a_hundred_kinds_are_kept_and_all_are_counted() -> None:
    found = parse_smaps("".join(mapping(f"/{number}", Rss=number) for number in range(150)).encode())

    assert (found.kinds, len(found.groups), found.groups[0].name) == (150, 100, "/149")
