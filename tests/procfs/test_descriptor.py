import errno
import os
import resource
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import HeldFile, read_file, read_process_file


@contextmanager
def limited_to(descriptors: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def leading_to(path) -> int:
    """How many of our descriptors lead to a file, or to one below a directory."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            links.append(os.readlink(f"/proc/self/fd/{number}"))
    return sum(link.startswith(str(path)) for link in links)


def test_a_whole_file(tmp_path):
    (tmp_path / "stat").write_bytes(b"x" * 1000)
    assert read_file(str(tmp_path / "stat")) == b"x" * 1000


def test_an_empty_file(tmp_path):
    (tmp_path / "stat").write_bytes(b"")
    assert read_file(str(tmp_path / "stat")) == b""


def test_a_file_as_long_as_the_bound_is_read():
    assert len(read_file("/dev/null", 10)) == 0


def test_a_file_longer_than_the_bound_is_refused_not_cut(tmp_path):
    (tmp_path / "stat").write_bytes(b"x" * 11)
    assert read_file(str(tmp_path / "stat"), 11) == b"x" * 11
    with pytest.raises(MalformedProcFile, match="longer than 10 bytes"):
        read_file(str(tmp_path / "stat"), 10)


def test_a_file_without_an_end_is_refused():
    with pytest.raises(MalformedProcFile, match="longer than"):
        read_file("/dev/zero", 4096)


def test_a_process_that_is_gone_and_a_file_that_never_was(tmp_path):
    (tmp_path / "7").mkdir()
    with pytest.raises(FileNotFoundError):
        read_process_file(str(tmp_path), 7, "stat")
    with pytest.raises(ProcessLookupError):
        read_process_file(str(tmp_path), 8, "stat")


def test_a_held_file_is_read_from_its_start_each_time(tmp_path):
    (tmp_path / "usage").write_bytes(b"1\n")
    held = HeldFile(str(tmp_path / "usage"))
    assert (held.held, held.read(), held.held) == (False, b"1\n", True)
    (tmp_path / "usage").write_bytes(b"22\n")
    assert held.read() == b"22\n"
    held.close()
    assert (held.held, held.read()) == (False, b"22\n")


def test_a_held_file_gives_its_descriptor_back(tmp_path):
    (tmp_path / "usage").write_bytes(b"1\n")
    held = HeldFile(str(tmp_path / "usage"))
    held.read()
    assert leading_to(tmp_path) == 1
    held.close()
    held.close()
    assert leading_to(tmp_path) == 0


def test_one_that_is_dropped_gives_its_descriptor_back_too(tmp_path):
    (tmp_path / "usage").write_bytes(b"1\n")
    held = HeldFile(str(tmp_path / "usage"))
    held.read()
    assert leading_to(tmp_path) == 1
    del held
    assert leading_to(tmp_path) == 0


def test_reading_stops_at_the_bound(tmp_path):
    (tmp_path / "usage").write_bytes(b"123456")
    assert HeldFile(str(tmp_path / "usage"), 4).read() == b"1234"


def test_a_function_may_open(tmp_path):
    (tmp_path / "usage").write_bytes(b"1\n")
    opened = []

    def opener() -> int:
        opened.append(True)
        return os.open(tmp_path / "usage", os.O_RDONLY)

    held = HeldFile(opener)
    assert (held.read(), held.read(), len(opened)) == (b"1\n", b"1\n", 1)


def test_a_read_that_fails_leaves_nothing_open(tmp_path):
    held = HeldFile(str(tmp_path))  # a directory opens, and reading it is EISDIR
    with pytest.raises(IsADirectoryError):
        held.read()
    assert (leading_to(tmp_path), held.held) == (0, False)


def test_where_descriptors_are_scarce_it_is_read_but_not_kept(tmp_path):
    (tmp_path / "usage").write_bytes(b"1\n")
    held = HeldFile(str(tmp_path / "usage"))
    lowest = os.dup(0)
    os.close(lowest)
    with limited_to(2 * lowest):  # half of so few is reserved: the next number is the first that is not kept
        assert (held.read(), held.held, leading_to(tmp_path)) == (b"1\n", False, 0)
        assert held.read() == b"1\n"
    assert (held.read(), held.held) == (b"1\n", True)


def test_where_there_is_no_descriptor_at_all_the_error_says_so(tmp_path):
    (tmp_path / "usage").write_bytes(b"1\n")
    held = HeldFile(str(tmp_path / "usage"))
    taken: list[int] = []
    top = max(int(name) for name in os.listdir("/proc/self/fd"))
    try:
        with limited_to(top + 4):
            with suppress(OSError):
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            with pytest.raises(OSError, match="Too many open files") as caught:
                held.read()
            assert caught.value.errno == errno.EMFILE
    finally:
        for descriptor in taken:
            os.close(descriptor)
    assert held.read() == b"1\n"


@pytest.mark.live
def test_a_held_descriptor_of_a_dead_process_says_that_it_is_gone(spawn):
    child = spawn([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    held = HeldFile(f"/proc/{child.pid}/statm")
    assert held.read().split()[0].isdigit()
    child.kill()
    child.wait()
    with pytest.raises(ProcessLookupError):
        held.read()
