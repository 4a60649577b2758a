import os

import pytest

from brimwatch.discover.facts import CGROUP, CMDLINE, EVERYTHING, EXE, USER, Facts, FactSource, shorten
from brimwatch.discover.table import Process
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat


@pytest.fixture
def row(proc):
    return lambda pid: Process(read_stat(proc.path, pid), 0)


@pytest.fixture
def source(proc):
    return FactSource(proc.path)


def test_everything_is_read_of_one_process(proc, row, source):
    proc.add(10, cmdline=b"gunicorn\0-w\0" + b"4\0", exe="/usr/bin/python3", cgroup="0::/system.slice/web.service\n")
    facts = source.read(row(10), EVERYTHING)
    expected = ("app", "/usr/bin/python3", "gunicorn -w 4", os.geteuid(), "web.service", frozenset())
    assert expected == (facts.comm, facts.exe, facts.cmdline, facts.uid, facts.place.unit, facts.denied)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param((), Facts("app"), id="nothing"),
        pytest.param((EXE,), Facts("app", exe="/usr/bin/app"), id="the program alone"),
        pytest.param((CMDLINE,), Facts("app", cmdline="app"), id="the command line alone"),
        pytest.param((USER,), Facts("app", uid=os.geteuid()), id="the user alone"),
    ],
)
def test_only_what_is_wanted_is_read(proc, row, source, wanted, expected):
    proc.add(10)
    assert expected == source.read(row(10), frozenset(wanted))


def test_a_process_that_is_gone_is_a_lookup_error(proc, row, source):
    proc.add(10)
    gone = row(10)
    proc.remove(10)
    with pytest.raises(ProcessLookupError):
        source.read(gone, EVERYTHING)


def test_another_process_with_the_same_pid_is_not_read_in_its_place(proc, source):
    proc.add(10)
    stranger = Process(read_stat(proc.path, 10), os.stat(proc.root / "10").st_ino + 1)
    with pytest.raises(ProcessLookupError, match="another process"):
        source.read(stranger, EVERYTHING)


def test_a_program_that_was_replaced_on_disk_keeps_its_path(proc, row, source):
    proc.add(10, exe="/usr/sbin/nginx (deleted)")
    assert source.read(row(10), EVERYTHING).exe == "/usr/sbin/nginx"


def test_a_process_without_a_program_has_none(proc, row, source):
    proc.add(10, exe=None)
    facts = source.read(row(10), EVERYTHING)
    assert (None, frozenset()) == (facts.exe, facts.denied)


def test_a_kernel_without_cgroups_has_none(proc, row, source):
    proc.add(10)
    (proc.root / "10" / "cgroup").unlink()
    facts = source.read(row(10), EVERYTHING)
    assert (None, frozenset()) == (facts.place, facts.denied)


def test_processes_of_one_cgroup_share_its_names(proc, row, source):
    proc.add(10, cgroup="0::/a.service\n"), proc.add(11, cgroup="0::/a.service\n"), proc.add(12, cgroup="0::/b\n")
    places = [source.read(row(pid), frozenset((CGROUP,))).place for pid in (10, 11, 12)]
    assert places[0] is places[1]
    assert places[0] is not places[2]


def test_a_program_whose_path_is_no_utf8_can_still_be_shown(proc, row, source):
    proc.add(10, exe=os.fsdecode(b"/opt/\xff/app"))
    assert source.read(row(10), EVERYTHING).exe == "/opt/\\xff/app"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(b"python\0-c\0print(1)\0", "python -c print(1)", id="arguments are joined by spaces"),
        pytest.param(b"python\0-c\0a\nb\rc\td\0", "python -c a b c d", id="control characters become spaces"),
        pytest.param(b"postgres: writer\0\0\0\0\0\0", "postgres: writer", id="a title leaves its rest empty"),
        pytest.param(b"app\0\0x\0", "app  x", id="an empty argument stays one"),
        pytest.param(b"app\0\xff\0", "app \ufffd", id="bytes that are no UTF-8"),
        pytest.param(b"\x1b[2J\x7f", " [2J ", id="an escape sequence"),
        pytest.param(b"", "", id="none at all"),
    ],
)
def test_a_command_line_is_made_fit_to_be_compared(raw, shown):
    assert shown == shorten(raw)


def test_of_a_long_command_line_beginning_and_end_are_kept():
    shown = shorten(b"java\0-cp\0" + b"x" * 60_000 + b"\0com.example.Main\0")
    assert (shown.startswith("java -cp xxx"), shown.endswith("xxx com.example.Main")) == (True, True)
    assert len(shown) <= 8192 + 5


def test_identity_is_pid_and_start_time(proc, row):
    proc.add(10, start=77)
    assert ProcessId(10, 77) == row(10).identity
