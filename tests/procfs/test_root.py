import errno
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from brimwatch.model import ProcessId
from brimwatch.procfs.root import CGROUPFS, open_directory, open_file, open_root
from brimwatch.procfs.stat import read_stat

STAT = "7 (app) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0\n"


@pytest.fixture
def procfs(tmp_path):
    """A process 7, started at tick 100, whose root holds a directory with a file and some traps."""
    group = tmp_path / "7" / "root" / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (tmp_path / "7" / "stat").write_text(STAT.format(start=100))
    (group / "memory.max").write_text("1000\n")
    (tmp_path / "shadow").write_text("root:secret")
    (group / "memory.stat").symlink_to(tmp_path / "shadow")
    os.mkfifo(group / "memory.current")
    (tmp_path / "7" / "root" / "linked").symlink_to("sys/fs")
    return str(tmp_path)


@pytest.fixture
def opened():
    descriptors: list[int] = []
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def leading_below(directory: str) -> int:
    """How many of our descriptors lead to something below a directory."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            links.append(os.readlink(f"/proc/self/fd/{number}"))
    return sum(link.startswith(directory) for link in links)


def test_a_file_below_a_root(procfs, opened):
    opened.append(open_root(procfs, ProcessId(7, 100)))
    opened.append(open_directory(opened[0], "/sys/fs/cgroup", frozenset()))
    opened.append(open_file(opened[1], "memory.max"))
    assert os.read(opened[2], 100) == b"1000\n"


def test_a_link_to_our_own_files_is_not_followed(procfs, opened):
    opened.append(open_root(procfs, ProcessId(7, 100)))
    opened.append(open_directory(opened[0], "/sys/fs/cgroup", frozenset()))
    with pytest.raises(OSError, match="Errno") as caught:
        open_file(opened[1], "memory.stat")
    assert caught.value.errno == errno.ELOOP


def test_a_linked_directory_is_not_followed(procfs, opened):
    opened.append(open_root(procfs, ProcessId(7, 100)))
    with pytest.raises(OSError, match="Errno") as caught:
        open_directory(opened[0], "/linked/cgroup", frozenset())
    assert caught.value.errno == errno.ELOOP


def test_a_fifo_does_not_make_us_wait(procfs, opened):
    opened.append(open_root(procfs, ProcessId(7, 100)))
    opened.append(open_directory(opened[0], "/sys/fs/cgroup", frozenset()))
    opened.append(open_file(opened[1], "memory.current"))
    assert os.read(opened[2], 100) == b""


def test_a_name_does_not_lead_out_of_its_directory(procfs, opened):
    opened.append(open_root(procfs, ProcessId(7, 100)))
    opened.append(open_directory(opened[0], "/sys/fs/cgroup", frozenset()))
    with pytest.raises(OSError, match="Errno") as caught:
        open_file(opened[1], "../cgroup/memory.max")
    assert caught.value.errno == errno.EXDEV


def test_a_file_system_of_the_targets_own_is_not_believed(procfs, opened):
    opened.append(open_root(procfs, ProcessId(7, 100)))
    with pytest.raises(PermissionError, match="is not trusted"):
        open_directory(opened[0], "/sys/fs/cgroup", CGROUPFS)
    assert leading_below(procfs) == 1  # the root itself


def test_a_pid_that_belongs_to_another_process_by_now(procfs):
    with pytest.raises(ProcessLookupError):
        open_root(procfs, ProcessId(7, 99))
    assert leading_below(procfs) == 0


def test_a_process_that_is_gone(procfs):
    with pytest.raises(ProcessLookupError):
        open_root(procfs, ProcessId(8, 100))


@pytest.mark.live
def test_a_real_process(spawn, opened):
    child = spawn([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    opened.append(open_root("/proc", ProcessId(child.pid, read_stat("/proc", child.pid).start_ticks)))
    assert os.fstat(opened[0]).st_ino == os.stat("/").st_ino
    if os.path.isdir("/sys/fs/cgroup/memory") or os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        kind = "/sys/fs/cgroup/memory" if os.path.isdir("/sys/fs/cgroup/memory") else "/sys/fs/cgroup"
        opened.append(open_directory(opened[0], kind, CGROUPFS))
        opened.append(open_file(opened[1], "cgroup.procs"))
