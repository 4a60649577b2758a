import os

import pytest

from brimwatch.discover.births import TOLERANCE
from brimwatch.discover.pidfile import Pidfile, Pidfiles
from brimwatch.model import ProcessId

NOW = 1_700_000_000.0 + 10_000.0


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "app.pid")


@pytest.fixture
def files(clock):
    return Pidfiles(clock.births())


def write(path, content, mtime=NOW - 100, mode=0o644):
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)
    os.utime(path, (mtime, mtime))


@pytest.mark.parametrize(
    ("content", "pid"),
    [
        pytest.param(b"1234\n", 1234, id="a number and a newline"),
        pytest.param(b"1234", 1234, id="a number"),
        pytest.param(b"  1234  \n", 1234, id="spaces around it"),
        pytest.param(b"1234\n/var/lib/postgresql/data\n1700000000\n", 1234, id="the first line of several"),
        pytest.param(b"1\n", 1, id="PID 1, as in a container"),
        pytest.param(b"", None, id="an empty file"),
        pytest.param(b"0\n", None, id="zero is no process"),
        pytest.param(b"-1\n", None, id="a negative number is not its digits"),
        pytest.param(b"pid=1234\n", None, id="words before it"),
        pytest.param(b"\0\0\0", None, id="a file that was truncated by a crash"),
        pytest.param(b"12345678901\n", None, id="a number that is too long"),
        pytest.param(b" " * 63 + b"1234", 1, id="no more than 64 bytes are read"),
        pytest.param(b"\xff\xfe1\0", None, id="another encoding"),
    ],
)
def test_the_file_begins_with_the_number(files, path, content, pid):
    write(path, content)
    found = files.read(path)
    assert (pid, None if pid else "malformed") == (found.pid, found.problem)


def test_a_file_that_is_not_there_is_missing(files, path):
    assert Pidfile(problem="missing") == files.read(path)


def test_what_is_no_regular_file_is_not_read(files, path, tmp_path):
    os.mkfifo(path)
    assert files.read(path).problem == "not_a_file"
    os.unlink(path)
    os.mkdir(path)
    assert files.read(path).problem == "not_a_file"
    os.rmdir(path)
    write(str(tmp_path / "other"), b"1234\n")
    os.symlink(str(tmp_path / "other"), path)
    assert files.read(path).problem == "not_a_file"


def test_a_file_that_anyone_may_write_is_not_believed_by_root(files, path, monkeypatch):
    write(path, b"1234\n", mode=0o666)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert files.read(path).problem == "unsafe"
    os.chmod(path, 0o664)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert files.read(path).pid == 1234


def test_a_file_that_is_written_anew_is_read_anew(files, path):
    write(path, b"1234\n")
    files.read(path)
    write(path, b"5678\n", mtime=NOW - 50)
    assert files.read(path).pid == 5678


def test_a_file_that_was_written_just_now_is_read_each_time(files, path):
    write(path, b"1234\n", mtime=NOW)
    files.read(path)
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"5678\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.read(path).pid == 5678


@pytest.mark.parametrize(
    ("age", "problem"),
    [
        pytest.param(10.0, None, id="a process that started before its file"),
        pytest.param(-TOLERANCE + 1, None, id="one that seems a little younger, since clocks are set"),
        pytest.param(-TOLERANCE - 1, "stale", id="one that started later has the PID of another"),
    ],
)
def test_a_process_younger_than_its_file_is_a_stranger(files, clock, age, problem):
    found = Pidfile(1234, None, clock.started(500_000) + age, os.geteuid())
    assert problem == files.believe("x", found, ProcessId(1234, 500_000), os.geteuid())


def test_a_step_of_the_clock_loses_no_process_that_was_believed(files, clock):
    process = ProcessId(1234, 500_000)
    found = Pidfile(1234, None, clock.started(500_000), os.geteuid())
    assert files.believe("x", found, process, os.geteuid()) is None
    clock.step = 86_400.0
    assert files.believe("x", found, process, os.geteuid()) is None
    assert files.believe("x", found, ProcessId(1234, 600_000), os.geteuid()) == "stale"


@pytest.mark.parametrize(
    ("owner", "uid", "problem"),
    [
        pytest.param(0, 33, None, id="root may point at anyone"),
        pytest.param(33, 33, None, id="a user may point at his own process"),
        pytest.param(33, 0, "unsafe", id="a user may not point at root's"),
    ],
)
def test_whose_file_is_believed(files, clock, monkeypatch, owner, uid, problem):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = Pidfile(1234, None, clock.started(500_000), owner)
    assert problem == files.believe("x", found, ProcessId(1234, 500_000), uid)


def test_what_we_write_ourselves_we_believe(files, clock, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    found = Pidfile(1234, None, clock.started(500_000), 1000)
    assert files.believe("x", found, ProcessId(1234, 500_000), 33) is None
