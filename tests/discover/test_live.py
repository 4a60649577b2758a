"""Discovery on real processes. Those that a test starts are our children: `own_pid` has to be somebody else."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from brimwatch.discover.births import Births
from brimwatch.discover.facts import FactSource
from brimwatch.discover.roster import Roster
from brimwatch.discover.table import ProcessTable
from brimwatch.procfs.stat import read_stat

pytestmark = pytest.mark.live
NOBODY = 65534
LONG = str(10_000_000 + os.getpid())  # seconds to sleep, and a number that no other run of these tests has
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


class Watched:
    """A roster on the real /proc, with a pass for each question."""

    def __init__(self, *specs, procfs="/proc", own_pid=-1, run_dirs=()):
        self.roster = Roster(procfs, specs, run_dirs, own_pid=own_pid)

    def members(self, name):
        found = {target.name: target.members for target in self.roster.scan(time.monotonic())}
        return {member.identity.pid: member for member in found.get(name, ())}


@pytest.fixture
def python(spawn):
    """`python("...")` starts that program; it says when it is ready, and goes on at each line that is sent."""

    def start(script, *arguments, **options):
        command = [sys.executable, "-u", "-c", script, *arguments]
        child = spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        child.said = child.stdout.readline().strip()
        return child

    return start


def marked(word):
    """A word that no other run of these tests has in a command line."""
    return f"{word}-{LONG}"


def go_on(child):
    child.stdin.write("\n")
    child.stdin.flush()


WAIT = "import sys; print('ready'); sys.stdin.readline()"


def test_a_process_comes_and_goes(python, spec, wait_until):
    watched = Watched(spec("x", cmdline=marked("a-name-like-no-other")))
    assert watched.members("x") == {}
    child = python(WAIT, marked("a-name-like-no-other"))
    member = watched.members("x")[child.pid]
    assert member.exe == os.path.realpath(sys.executable)
    assert (member.uid, member.ppid) == (os.geteuid(), os.getpid())
    assert member.identity.start_ticks == read_stat("/proc", child.pid).start_ticks
    go_on(child)
    child.wait()
    assert watched.members("x") == {}


def test_an_exec_is_matched_again_with_the_same_identity(python, spec, wait_until):
    script = "import os, sys; print('ready'); sys.stdin.readline(); os.execvp('sleep', ['sleep', sys.argv[1]])"
    watched = Watched(spec("sleep", cmdline=f"^sleep {LONG}$"))
    child = python(script, LONG)
    before = read_stat("/proc", child.pid).start_ticks
    assert watched.members("sleep") == {}
    go_on(child)
    member = wait_until(lambda: watched.members("sleep").get(child.pid))
    assert (member.comm, member.identity.start_ticks) == ("sleep", before)


def test_an_exec_by_a_thread_keeps_the_process(python, spec, wait_until):
    script = (
        "import os, sys, threading; print('ready'); sys.stdin.readline()\n"
        "threading.Thread(target=lambda: os.execvp('sleep', ['sleep', sys.argv[1]])).start()\n"
        "threading.Event().wait()"
    )
    child = python(script, LONG)
    watched = Watched(spec("x", pid=child.pid), spec("sleep", cmdline=f"^sleep {LONG}$"))
    identity = watched.members("x")[child.pid].identity
    go_on(child)
    member = wait_until(lambda: (m := watched.members("x")[child.pid]).comm == "sleep" and m)
    assert member.identity == identity


def test_threads_are_no_processes(python, spec):
    script = (
        "import sys, threading\n"
        "for _ in range(5): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print('ready'); sys.stdin.readline()"
    )
    child = python(script, marked("five-threads-and-one"))
    assert list(Watched(spec("x", cmdline=marked("five-threads-and-one"))).members("x")) == [child.pid]


DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.execvp('sleep', ['sleep', sys.argv[1]])
    print(pid)
    sys.stdin.readline()
    os._exit(0)
os.wait()
print('orphaned')
sys.stdin.readline()
"""


def test_a_daemon_that_forks_twice_stays_a_member_after_its_parents(python, spec, wait_until):
    child = python(DAEMON, LONG, marked("starts-a-daemon"))
    daemon = int(child.said)
    watched = Watched(spec("x", cmdline=marked("starts-a-daemon"), children=True))
    try:
        members = wait_until(lambda: (m := watched.members("x")).get(daemon) and m[daemon].comm == "sleep" and m)
        assert members[child.pid].is_root
        assert not members[daemon].is_root
        go_on(child)
        assert child.stdout.readline() == "orphaned\n"
        members = watched.members("x")
        assert set(members) == {child.pid, daemon}
        assert (members[daemon].ppid, members[daemon].is_root) != (child.pid, True)
        go_on(child)
        child.wait()
        members = watched.members("x")
        assert [member.is_root for member in members.values()] == [True]
        assert set(members) == {daemon}
    finally:
        psutil.Process(daemon).kill()
    wait_until(lambda: not watched.members("x"))


def test_a_command_line_of_a_megabyte_with_anything_in_it(spawn, spec, wait_until):
    huge = [b"\xff\xfe\n\x1b[2J"] + [b"x" * 100_000] * 10 + [marked("the-very-end").encode()]
    child = spawn([sys.executable, "-c", "input()", marked("starts-with-this").encode(), *huge], stdin=subprocess.PIPE)
    watched = Watched(
        spec("x", cmdline=marked("starts-with-this") + " .* x"), spec("end", cmdline=marked("the-very-end"))
    )
    member = wait_until(lambda: watched.members("x").get(child.pid))
    assert len(member.cmdline) <= 8192 + 5
    assert member.cmdline.isprintable()
    assert watched.members("end") == {}  # beyond the 64 KiB that are read


def test_newlines_in_an_argument_do_not_hide_what_follows(python, spec):
    child = python(WAIT + "\n\n# a\n", "-b\nc", marked("needle-in-it"))
    assert child.pid in Watched(spec("x", cmdline="python.*" + marked("needle-in-it"))).members("x")


TITLE = """
import ctypes, sys
start, end = (int(field) for field in open('/proc/self/stat').read().rsplit(')', 1)[1].split()[45:47])
print('ready')
sys.stdin.readline()
ctypes.memset(start, 0, end - start)
ctypes.memmove(start, b'batch: \\xff\\nworker 3', 18)
print('done')
sys.stdin.readline()
"""


def test_a_title_is_seen_though_nothing_was_executed(python, spec, wait_until):
    child = python(TITLE)
    watched = Watched(spec("x", cmdline="^batch: . worker 3"))
    assert watched.members("x") == {}
    go_on(child)
    child.stdout.readline()
    assert wait_until(lambda: watched.members("x").get(child.pid)).cmdline.startswith("batch: \ufffd worker 3")


RENAME = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b') Z 1\\n(\\xff', 0, 0, 0)
print('ready')
sys.stdin.readline()
"""


def test_a_hostile_name_is_read_and_made_a_target_of(python, spec):
    child = python(RENAME)
    watched = Watched(spec("{comm}", name=")*"))
    targets = watched.roster.scan(0.0)
    assert [[member.identity.pid for member in target.members] for target in targets] == [[child.pid]]
    assert targets[0].members[0].comm == ") Z 1\n(\\xff"
    assert targets[0].name.startswith(") Z 1?(\\xff~")


def test_a_zombie_belongs_to_nobody(python, spec, wait_until):
    script = (
        "import os, sys\npid = os.fork()\nif pid == 0: os._exit(0)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\nprint(pid)\nsys.stdin.readline()"
    )
    child = python(script, marked("parent-of-a-zombie"))
    watched = Watched(spec("x", cmdline=marked("parent-of-a-zombie"), children=True), spec("z", pid=int(child.said)))
    assert set(watched.members("x")) == {child.pid}
    assert watched.members("z") == {}


def test_a_member_that_becomes_a_zombie_leaves(spawn, spec, wait_until):
    child = spawn(["sleep", LONG])
    watched = Watched(spec("x", pid=child.pid))
    assert set(watched.members("x")) == {child.pid}
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert watched.members("x") == {}


HEADLESS = """
import ctypes, os, sys, threading, time
def last():
    while not os.path.exists(sys.argv[1]): time.sleep(0.01)
    os._exit(0)
threading.Thread(target=last).start()
print('ready')
sys.stdin.readline()
ctypes.CDLL(None).syscall(60, 0)  # exit(2), not exit_group(2): this thread alone
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of exit(2) is that of x86_64")
def test_a_leader_that_ended_while_its_threads_live_stays_a_member(python, spec, wait_until, tmp_path):
    child = python(HEADLESS, str(tmp_path / "end"), marked("headless-one"))
    watched = Watched(spec("x", cmdline=marked("headless-one")))
    before = watched.members("x")
    go_on(child)
    wait_until(lambda: read_stat("/proc", child.pid).state == "Z")
    for later in (0.0, 2.0, 200.0):
        found = watched.roster.scan(time.monotonic() + later)
        assert found[0].members == tuple(before.values())
    (tmp_path / "end").touch()
    child.wait()
    assert watched.members("x") == {}


FORKS = """
import os, signal, sys
pids = []
for _ in range(500):
    pid = os.fork()
    if pid == 0:
        signal.pause()
    pids.append(pid)
print('ready')
sys.stdin.readline()
for pid in pids: os.kill(pid, signal.SIGKILL)
for pid in pids: os.waitpid(pid, 0)
print('done')
"""


def test_five_hundred_children_are_found_in_one_pass(python, spec):
    watched = Watched(spec("x", cmdline=marked("mother-of-many"), children=True))
    watched.members("x")
    child = python(FORKS, marked("mother-of-many"))
    members = watched.members("x")
    assert len(members) == 501
    assert [pid for pid, member in members.items() if member.is_root] == [child.pid]
    go_on(child)
    child.stdout.readline()
    assert set(watched.members("x")) <= {child.pid}


CHURN = """
import os, sys
print('ready')
while True:
    pids = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        pids.append(pid)
    for pid in pids: os.waitpid(pid, 0)
"""


def test_processes_that_die_at_any_moment_do_no_harm(python, spec):
    child = python(CHURN, marked("always-busy"))
    watched = Watched(spec("x", cmdline=marked("always-busy"), user=str(os.geteuid()), exe="*", children=True))
    for _ in range(60):
        assert child.pid in watched.members("x")


@as_root
def test_a_process_of_another_user(python, spec, wait_until):
    script = (
        "import os, sys; print('ready'); sys.stdin.readline(); os.setuid(65534); print('set'); sys.stdin.readline()"
    )
    child = python(script, marked("becomes-nobody"))
    watched = Watched(
        spec("root", user="root", cmdline=marked("becomes-nobody")), spec("nobody", user=str(NOBODY), name="*")
    )
    assert set(watched.members("root")) == {child.pid}
    go_on(child)
    child.stdout.readline()
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
def test_what_another_user_may_not_read_does_not_match_and_is_told(python, spec):
    child = python(WAIT, marked("of-root-alone"))

    def look():
        watched = Watched(
            spec("exe", cmdline=marked("of-root-alone"), exe="*"),
            spec("not", cmdline=marked("of-root-alone"), exclude={"exe": "/opt/*"}),
            spec("cmdline", cmdline=marked("of-root-alone")),
        )
        found = {name: list(watched.members(name)) for name in ("exe", "not", "cmdline")}
        member = watched.members("cmdline")[child.pid]
        return [found, watched.roster.report.denied["exe"], member.exe, member.uid]

    assert as_nobody(look) == [{"exe": [], "not": [], "cmdline": [child.pid]}, 1, None, 0]


@as_root
def test_an_exec_of_what_we_may_not_trace_is_seen_all_the_same(python, spec):
    script = "import os, sys; print('ready'); sys.stdin.readline(); os.execvp('sleep', ['sleep', sys.argv[1]])"
    child = python(script, LONG)

    def look():
        watched = Watched(spec("sleep", cmdline=f"^sleep {LONG}$"))
        before = list(watched.members("sleep"))
        go_on(child)
        end = time.monotonic() + 10
        while not (after := list(watched.members("sleep"))) and time.monotonic() < end:
            time.sleep(0.01)
        return [before, after]

    assert as_nobody(look) == [[], [child.pid]]


def test_a_pidfile_is_believed_until_it_is_stale(spawn, spec, tmp_path):
    path = tmp_path / "x.pid"
    child = spawn(["sleep", LONG])
    path.write_text(f"{child.pid}\n")
    watched = Watched(spec("x", pidfile=str(path)))
    assert set(watched.members("x")) == {child.pid}
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    again = Watched(spec("x", pidfile=str(path)))
    assert (again.members("x"), again.roster.report.pidfiles) == ({}, {str(path): "stale"})


def test_what_we_start_ourselves_is_nobodys(spawn, spec):
    child = spawn(["sleep", LONG])
    ours = Roster("/proc", (spec("all", cmdline=f"^sleep {LONG}$"),))
    assert ours.scan(0.0)[0].members == ()
    by_pid = Roster("/proc", (spec("one", pid=child.pid),))
    assert [member.identity.pid for member in by_pid.scan(0.0)[0].members] == [child.pid]


def test_threads_of_the_kernel_are_in_no_target(spec):
    table = ProcessTable("/proc")
    table.scan(0.0)
    kernel = {pid for pid, row in table.rows.items() if row.kernel}
    if not kernel:
        pytest.skip("no thread of the kernel is to be seen here")
    assert kernel.isdisjoint(Watched(spec("all", name="*")).members("all"))


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
def apart(spawn):
    """A program in a PID namespace of its own, where nobody else takes numbers: (process, its /proc)."""
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", REUSE, LONG]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = spawn(command, text=True, **pipes)
    first = child.stdout.readline()
    if not first:
        pytest.skip(f"no PID namespace is to be had here: {child.stderr.read().strip()}")
    inner = psutil.Process(child.pid).children()[0]
    return child, f"/proc/{inner.pid}/root/proc", int(first)


def test_a_pid_that_is_used_again_is_another_process(apart, spec, wait_until):
    child, procfs, pid = apart
    assert Path(procfs).stat().st_ino == 1  # a real procfs: inode numbers tell processes apart
    watched = Watched(spec("one", pid=pid), spec("sleep", name="sleep"), procfs=procfs, own_pid=-1)
    before = watched.members("one")[pid]
    held = watched.roster._table.rows[pid]
    # Start times are counted in ticks: within one and the same, nothing tells the two apart.
    wait_until(lambda: Births().age(before.identity) > 2 / os.sysconf("SC_CLK_TCK"))
    go_on(child)
    answer = child.stdout.readline().strip()
    if not answer.isdecimal():
        pytest.skip(f"the next PID cannot be chosen here: {answer}")
    assert int(answer) == pid
    members = watched.members("sleep")
    assert watched.members("one") == {}
    assert set(members) == {pid}
    assert members[pid].identity != before.identity
    assert members[pid].cmdline == before.cmdline
    with pytest.raises(ProcessLookupError, match="another process"):
        FactSource(procfs).read(held, frozenset(("exe",)))
    go_on(child)
    child.wait()
