import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.memory_files import MemoryStat, parse_amount, parse_limit, parse_memory_stat, parse_oom_kills

V2 = b"anon 1000\nfile 5000\nkernel 70\ninactive_anon 900\ninactive_file 3000\nworkingset_refault_file 9\n"
V1 = (
    b"cache 5000\nrss 900\ninactive_file 2000\nhierarchical_memory_limit 419430400\n"
    b"total_cache 6000\ntotal_rss 1000\ntotal_inactive_file 3000\n"
)


def test_v2_counts_descendants_in_its_plain_fields():
    assert parse_memory_stat(V2, 2) == MemoryStat(inactive_file=3000, anon=1000)


def test_v1_counts_descendants_in_its_total_fields():
    assert parse_memory_stat(V1, 1) == MemoryStat(3000, 1000, 419430400)


def test_v1_without_a_limit_on_the_way_up():
    text = V1.replace(b"419430400", b"9223372036854771712")
    assert parse_memory_stat(text, 1).hierarchical_limit is None


@pytest.mark.parametrize(
    ("text", "version", "message"),
    [
        pytest.param(b"", 2, "no line inactive_file", id="nothing"),
        pytest.param(V2, 1, "no line total_inactive_file", id="the other version's file"),
        pytest.param(V2.replace(b"3000", b"lots"), 2, "found b'lots'", id="a word for a number"),
    ],
)
def test_malformed_stat(text: bytes, version: int, message: str):
    with pytest.raises(MalformedProcFile, match=message):
        parse_memory_stat(text, version)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        pytest.param(b"max\n", None, id="v2 has no limit"),
        pytest.param(b"9223372036854771712\n", None, id="v1 has no limit, pages of 4 KiB"),
        pytest.param(b"9223372036854710272\n", None, id="v1 has no limit, pages of 64 KiB"),
        pytest.param(b"419430400\n", 419430400, id="a limit"),
        pytest.param(b"0\n", 0, id="a limit of nothing is a limit"),
    ],
)
def test_limits(text: bytes, limit: int | None):
    assert parse_limit(text, "memory.max") == limit


@pytest.mark.parametrize("text", [b"", b"maximum\n", b"-1\n", b"1e9\n"])
def test_malformed_limits(text: bytes):
    with pytest.raises(MalformedProcFile, match=r"memory\.max: found"):
        parse_limit(text, "memory.max")


def test_malformed_amount():
    with pytest.raises(MalformedProcFile, match=r"memory\.current: found b'max"):
        parse_amount(b"max\n", "memory.current")


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        pytest.param(b"low 0\nhigh 3\nmax 9\noom 2\noom_kill 2\noom_group_kill 1\n", 2, id="v2 memory.events"),
        pytest.param(b"oom_kill_disable 0\nunder_oom 1\noom_kill 7\n", 7, id="v1 memory.oom_control"),
        pytest.param(b"oom_kill_disable 0\nunder_oom 0\n", None, id="v1 before Linux 4.13 does not count"),
    ],
)
def test_oom_kills(text: bytes, kills: int | None):
    assert parse_oom_kills(text) == kills
