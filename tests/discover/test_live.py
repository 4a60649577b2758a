"""Discovery on real processes: how they begin, change, and end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from brimwatch.procfs.stat import read_stat

pytestmark = pytest.mark.live
WAIT = "import sys; print('ready'); sys.stdin.readline()"


def test_a_process_comes_and_goes(python, spec, wait_until, watch, marked):
    watched = watch(spec("x", cmdline=marked("a-name-like-no-other")))
    assert watched.members("x") == {}
    child = python(WAIT, marked("a-name-like-no-other"))
    member = watched.members("x")[child.pid]
    assert member.exe == os.path.realpath(sys.executable)
    assert (member.uid, member.ppid) == (os.geteuid(), os.getpid())
    assert member.identity.start_ticks == read_stat("/proc", child.pid).start_ticks
    child.go_on()
    child.wait()
    assert watched.members("x") == {}


def test_an_exec_is_matched_again_with_the_same_identity(python, spec, wait_until, watch, long):
    script = "import os, sys; print('ready'); sys.stdin.readline(); os.execvp('sleep', ['sleep', sys.argv[1]])"
    watched = watch(spec("sleep", cmdline=f"^sleep {long}$"))
    child = python(script, long)
    before = read_stat("/proc", child.pid).start_ticks
    assert watched.members("sleep") == {}
    child.go_on()
    member = wait_until(lambda: watched.members("sleep").get(child.pid))
    assert (member.comm, member.identity.start_ticks) == ("sleep", before)


def test_an_exec_by_a_thread_keeps_the_process(python, spec, wait_until, watch, long):
    script = (
        "import os, sys, threading; print('ready'); sys.stdin.readline()\n"
        "threading.Thread(target=lambda: os.execvp('sleep', ['sleep', sys.argv[1]])).start()\n"
        "threading.Event().wait()"
    )
    child = python(script, long)
    watched = watch(spec("x", pid=child.pid), spec("sleep", cmdline=f"^sleep {long}$"))
    identity = watched.members("x")[child.pid].identity
    child.go_on()
    member = wait_until(lambda: (m := watched.members("x")[child.pid]).comm == "sleep" and m)
    assert member.identity == identity


def test_threads_are_no_processes(python, spec, watch, marked):
    script = (
        "import sys, threading\n"
        "for _ in range(5): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print('ready'); sys.stdin.readline()"
    )
    child = python(script, marked("five-threads-and-one"))
    assert list(watch(spec("x", cmdline=marked("five-threads-and-one"))).members("x")) == [child.pid]


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


def test_a_daemon_that_forks_twice_stays_a_member_after_its_parents(python, spec, wait_until, watch, marked, long):
    child = python(DAEMON, long, marked("starts-a-daemon"))
    daemon = int(child.said)
    watched = watch(spec("x", cmdline=marked("starts-a-daemon"), children=True))
    try:
        members = wait_until(lambda: (m := watched.members("x")).get(daemon) and m[daemon].comm == "sleep" and m)
        assert members[child.pid].is_root
        assert not members[daemon].is_root
        child.go_on()
        assert child.hear() == "orphaned"
        members = watched.members("x")
        assert set(members) == {child.pid, daemon}
        assert (members[daemon].ppid, members[daemon].is_root) != (child.pid, True)
        child.go_on()
        child.wait()
        members = watched.members("x")
        assert [member.is_root for member in members.values()] == [True]
        assert set(members) == {daemon}
    finally:
        psutil.Process(daemon).kill()
    wait_until(lambda: not watched.members("x"))


def test_a_command_line_of_a_megabyte_with_anything_in_it(spawn, spec, wait_until, watch, marked):
    huge = [b"\xff\xfe\n\x1b[2J"] + [b"x" * 100_000] * 10 + [marked("the-very-end").encode()]
    child = spawn([sys.executable, "-c", "input()", marked("starts-with-this").encode(), *huge], stdin=subprocess.PIPE)
    watched = watch(
        spec("x", cmdline=marked("starts-with-this") + " .* x"), spec("end", cmdline=marked("the-very-end"))
    )
    member = wait_until(lambda: watched.members("x").get(child.pid))
    assert len(member.cmdline) <= 8192 + 5
    assert member.cmdline.isprintable()
    assert watched.members("end") == {}  # beyond the 64 KiB that are read


def test_newlines_in_an_argument_do_not_hide_what_follows(python, spec, watch, marked):
    child = python(WAIT + "\n\n# a\n", "-b\nc", marked("needle-in-it"))
    assert child.pid in watch(spec("x", cmdline="python.*" + marked("needle-in-it"))).members("x")


TITLE = """
import ctypes, sys
start, end = (int(field) for field in open('/proc/self/stat').read().rsplit(')', 1)[1].split()[45:47])
print('ready')
sys.stdin.readline()
ctypes.memset(start, 0, end - start)
title = b'batch: \\xff\\nworker ' + sys.argv[1].encode()
ctypes.memmove(start, title, len(title))
print('done')
sys.stdin.readline()
"""


def test_a_title_is_seen_though_nothing_was_executed(python, spec, wait_until, watch, long):
    child = python(TITLE, long)
    watched = watch(spec("x", cmdline=f"^batch: . worker {long}"))
    assert watched.members("x") == {}
    child.go_on()
    child.hear()
    assert wait_until(lambda: watched.members("x").get(child.pid)).cmdline == f"batch: \ufffd worker {long}"


RENAME = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b') Z 1\\n(\\xff', 0, 0, 0)
print('ready')
sys.stdin.readline()
"""


def test_a_hostile_name_is_read_and_made_a_target_of(python, spec, watch):
    child = python(RENAME)
    watched = watch(spec("{comm}", name=")*"))
    targets = watched.roster.scan(0.0)
    assert [[member.identity.pid for member in target.members] for target in targets] == [[child.pid]]
    assert targets[0].members[0].comm == ") Z 1\n(\\xff"
    assert targets[0].name.startswith(") Z 1?(\\xff~")


def test_a_zombie_belongs_to_nobody(python, spec, wait_until, watch, marked):
    script = (
        "import os, sys\npid = os.fork()\nif pid == 0: os._exit(0)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\nprint(pid)\nsys.stdin.readline()"
    )
    child = python(script, marked("parent-of-a-zombie"))
    watched = watch(spec("x", cmdline=marked("parent-of-a-zombie"), children=True), spec("z", pid=int(child.said)))
    assert set(watched.members("x")) == {child.pid}
    assert watched.members("z") == {}


def test_a_member_that_becomes_a_zombie_leaves(spawn, spec, wait_until, watch, long):
    child = spawn(["sleep", long])
    watched = watch(spec("x", pid=child.pid))
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
def test_a_leader_that_ended_while_its_threads_live_stays_a_member(python, spec, wait_until, tmp_path, watch, marked):
    child = python(HEADLESS, str(tmp_path / "end"), marked("headless-one"))
    watched = watch(spec("x", cmdline=marked("headless-one")))
    before = watched.members("x")
    child.go_on()
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


def test_five_hundred_children_are_found_in_one_pass(python, spec, watch, marked):
    watched = watch(spec("x", cmdline=marked("mother-of-many"), children=True))
    watched.members("x")
    child = python(FORKS, marked("mother-of-many"))
    members = watched.members("x")
    assert len(members) == 501
    assert [pid for pid, member in members.items() if member.is_root] == [child.pid]
    child.go_on()
    child.hear()
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


def test_processes_that_die_at_any_moment_do_no_harm(python, spec, watch, marked):
    child = python(CHURN, marked("always-busy"))
    watched = watch(spec("x", cmdline=marked("always-busy"), user=str(os.geteuid()), exe="*", children=True))
    for _ in range(60):
        assert child.pid in watched.members("x")
