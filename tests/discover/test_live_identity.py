"""Discovery on real processes: other users, pidfiles, ourselves, and PIDs that are used again."""

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from brimwatch.discover.births import Births
from brimwatch.discover.facts import FactSource
from brimwatch.discover.roster import Roster
from brimwatch.discover.table import ProcessTable

pytestmark = pytest.mark.live
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
WAIT = "import sys; print('ready'); sys.stdin.readline()"


@as_root
def test_a_process_of_another_user(python, spec, wait_until, watch, marked):
    script = (
        "import os, sys; print('ready'); sys.stdin.readline(); os.setuid(65534); print('set'); sys.stdin.readline()"
    )
    child = python(script, marked("becomes-nobody"))
    watched = watch(
        spec("root", user="root", cmdline=marked("becomes-nobody")), spec("nobody", user=str(NOBODY), name="*")
    )
    assert set(watched.members("root")) == {child.pid}
    child.go_on()
    child.hear()
    member = wait_until(lambda: watched.members("nobody").get(child.pid))
    assert member.uid == NOBODY
    assert watched.members("root") == {}


def as_nobody(work):
    """What `work()` returns when another user does it, in a process of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    os.waitpid(pid, 0)
    return json.loads(answer)


@as_root
def test_what_another_user_may_not_read_does_not_match_and_is_told(python, spec, watch, marked):
    child = python(WAIT, marked("of-root-alone"))

    def look():
        watched = watch(
            spec("exe", cmdline=marked("of-root-alone"), exe="*"),
            spec("not", cmdline=marked("of-root-alone"), exclude={"exe": "/opt/*"}),
            spec("cmdline", cmdline=marked("of-root-alone")),
        )
        found = {name: list(watched.members(name)) for name in ("exe", "not", "cmdline")}
        member = watched.members("cmdline")[child.pid]
        return [found, watched.roster.report.denied["exe"], member.exe, member.uid]

    assert as_nobody(look) == [{"exe": [], "not": [], "cmdline": [child.pid]}, 1, None, 0]


@as_root
def test_an_exec_of_what_we_may_not_trace_is_seen_all_the_same(python, spec, watch, long):
    script = "import os, sys; print('ready'); sys.stdin.readline(); os.execvp('sleep', ['sleep', sys.argv[1]])"
    child = python(script, long)

    def look():
        watched = watch(spec("sleep", cmdline=f"^sleep {long}$"))
        before = list(watched.members("sleep"))
        child.go_on()
        end = time.monotonic() + 10
        while not (after := list(watched.members("sleep"))) and time.monotonic() < end:
            time.sleep(0.01)
        return [before, after]

    assert as_nobody(look) == [[], [child.pid]]


def test_a_pidfile_is_believed_until_it_is_stale(spawn, spec, tmp_path, watch, long):
    path = tmp_path / "x.pid"
    child = spawn(["sleep", long])
    path.write_text(f"{child.pid}\n")
    watched = watch(spec("x", pidfile=str(path)))
    assert set(watched.members("x")) == {child.pid}
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    again = watch(spec("x", pidfile=str(path)))
    assert (again.members("x"), again.roster.report.pidfiles) == ({}, {str(path): "stale"})


def test_what_we_start_ourselves_is_nobodys(spawn, spec, long):
    child = spawn(["sleep", long])
    ours = Roster("/proc", (spec("all", cmdline=f"^sleep {long}$"),))
    assert ours.scan(0.0)[0].members == ()
    by_pid = Roster("/proc", (spec("one", pid=child.pid),))
    assert [member.identity.pid for member in by_pid.scan(0.0)[0].members] == [child.pid]


def test_threads_of_the_kernel_are_in_no_target(spec, watch):
    table = ProcessTable("/proc")
    table.scan(0.0)
    kernel = {pid for pid, row in table.rows.items() if row.kernel}
    if not kernel:
        pytest.skip("no thread of the kernel is to be seen here")
    assert kernel.isdisjoint(watch(spec("all", name="*")).members("all"))


REUSE = """
import subprocess, sys
first = subprocess.Popen(['sleep', sys.argv[1]])
print(first.pid, flush=True)
sys.stdin.readline()
first.kill(); first.wait()
try:
    with open('/proc/sys/kernel/ns_last_pid', 'w') as last:
        last.write(str(first.pid - 1))
except OSError as error:
    sys.exit(print(error))
second = subprocess.Popen(['sleep', sys.argv[1]])
print(second.pid, flush=True)
sys.stdin.readline()
second.kill(); second.wait()
"""


@pytest.fixture
def apart(converse, long):
    """A program in a PID namespace of its own, where nobody else takes numbers: (program, its /proc, first PID)."""
    child = converse(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-u", "-c", REUSE, long]
    )
    if not child.said:
        pytest.skip(f"no PID namespace is to be had here: {child.stderr.read().strip()}")
    inner = psutil.Process(child.pid).children()[0]
    return child, f"/proc/{inner.pid}/root/proc", int(child.said)


def test_a_pid_that_is_used_again_is_another_process(apart, spec, wait_until, watch):
    child, procfs, pid = apart
    assert Path(procfs).stat().st_ino == 1  # a real procfs: inode numbers tell processes apart
    watched = watch(spec("one", pid=pid), spec("sleep", name="sleep"), procfs=procfs)
    before = wait_until(lambda: (member := watched.members("one")[pid]).cmdline and member)  # the exec is over
    held = watched.roster._table.rows[pid]
    # Start times are counted in ticks: within one and the same, nothing tells the two apart.
    wait_until(lambda: Births().age(before.identity) > 2 / os.sysconf("SC_CLK_TCK"))
    child.go_on()
    answer = child.hear()
    if not answer.isdecimal():
        pytest.skip(f"the next PID cannot be chosen here: {answer}")
    assert int(answer) == pid
    members = watched.members("sleep")
    assert watched.members("one") == {}
    assert set(members) == {pid}
    assert members[pid].identity != before.identity
    wait_until(lambda: watched.members("sleep")[pid].cmdline == before.cmdline)
    with pytest.raises(ProcessLookupError, match="another process"):
        FactSource(procfs).read(held, frozenset(("exe",)))
    child.go_on()
    child.wait()
