"""What becomes of the agent when its process forks, execs, becomes a daemon or is embedded? Real ones of each."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.conftest import DAEMON
from tests.hooks.speaking import Target, ask, connect, outcomes, read_reply, request

from brimwatch.hooks.place import sweep

pytestmark = pytest.mark.live
Start = Callable[..., Target]

FORK = """
def fork(body=lambda: None):
    pid = os.fork()
    if pid == 0:
        sys.stdin = open('/dev/null')
        body()
        time.sleep(60)
        os._exit(0)
    return pid
"""


def test_a_forked_child_has_a_socket_of_its_own_and_the_parents_goes_on(start: Start, python: str) -> None:
    target = start(FORK, python=python)
    child = int(target.run("print(fork())"))
    stats = ask(target.address(child), "GET", "/v1/stats").body
    assert (stats["pid"], stats["agent"]["forked"], stats["python_threads"]) == (child, True, 2)
    assert target.stats()["pid"] == target.pid
    assert target.sockets() != target.sockets(child)
    os.kill(child, signal.SIGKILL)


def test_a_child_of_a_child_has_one_too(start: Start) -> None:
    target = start(FORK)
    target.send("fork(lambda: print(fork(), flush=True))")
    grandchild = int(target.line())
    assert ask(target.address(grandchild), "GET", "/v1/stats").body["pid"] == grandchild


def test_an_open_connection_ends_with_the_parent_though_a_child_lives(start: Start) -> None:
    target = start(FORK)
    with connect(target.address()) as client:
        client.sendall(request("GET", "/v1/stats"))
        read_reply(client)
        child = int(target.run("print(fork())"))
        target.address(child)
        target.process.kill()
        target.process.wait()
        assert client.recv(1) == b""
    os.kill(child, signal.SIGKILL)


def test_a_child_inherits_no_descriptor_of_the_agent(start: Start) -> None:
    target = start(FORK)
    child = int(target.run("print(fork())"))
    own = target.address(child)
    links = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
    assert os.path.exists(own)
    assert len([link for link in links if link.startswith("socket:")]) == 1
    os.kill(child, signal.SIGKILL)


def test_a_fork_in_the_middle_of_a_round_leaves_the_child_free(start: Start) -> None:
    target = start(
        FORK
        + """
inside, go = threading.Event(), threading.Event()
@hooks.on('warning')
def slow(request):
    inside.set()
    if os.getpid() == parent:
        go.wait()
parent = os.getpid()
"""
    )
    with connect(target.address()) as client:
        client.sendall(request("POST", "/v1/reclaim", {"tier": "warning"}))
        child = int(target.run("inside.wait(); print(fork())"))
        reply = ask(target.address(child), "POST", "/v1/reclaim", {"tier": "warning"})
        assert outcomes(reply)["slow"] == ("ran", None)
        target.send("go.set()")
        assert outcomes(read_reply(client))["slow"] == ("ran", None)
    os.kill(child, signal.SIGKILL)


def test_a_hook_that_forks_leaves_parent_and_child_in_order(start: Start) -> None:
    target = start(FORK + "children = []\n@hooks.on('warning')\ndef forks(request):\n    children.append(fork())\n")
    assert outcomes(target.reclaim("warning"))["forks"] == ("ran", None)
    child = int(target.run("print(children[0])"))
    assert ask(target.address(child), "GET", "/v1/stats").body["busy"] is None
    os.kill(child, signal.SIGKILL)


def test_a_storm_of_forks_leaves_no_socket_behind(start: Start, wait_until: Any) -> None:
    target = start()
    target.send("[os.fork() or os._exit(0) for _ in range(300)]; [os.wait() for _ in range(300)]; print('over')")
    assert target.line(60) == "over"
    sweep(target.run_dir)  # as the agent does once a minute: a child that was slow to leave has had time to listen
    assert os.listdir(target.run_dir) == [os.path.basename(target.address())]
    assert target.stats()["pid"] == target.pid


def test_forks_of_several_threads_at_once_in_the_middle_of_answers_leave_the_agent_answering(start: Start) -> None:
    target = start("""
def forks():
    for _ in range(40):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
threads = [threading.Thread(target=forks) for _ in range(6)]
""")
    target.send("[t.start() for t in threads]; [t.join() for t in threads]; print('over')")
    answers = [target.stats()["pid"] for _ in range(200)]
    assert target.line(60) == "over"
    assert set(answers) == {target.pid}
    assert target.stats()["python_threads"] == 2


def test_gc_is_left_out_in_a_fork_that_was_not_frozen(start: Start) -> None:
    target = start(FORK)
    child = int(target.run("print(fork())"))
    reply = ask(target.address(child), "POST", "/v1/reclaim", {"tier": "critical"})
    assert outcomes(reply)["gc"] == ("suppressed", "would_unshare")
    counted = ask(target.address(child), "GET", "/v1/stats?objects=1").body["python"]
    assert (counted["objects"], counted["objects_missing"]) == (None, "would_unshare")
    assert outcomes(target.reclaim("critical"))["gc"] == ("ran", None)
    os.kill(child, signal.SIGKILL)


def test_gc_runs_in_a_fork_that_was_frozen(start: Start) -> None:
    target = start(FORK)
    child = int(target.run("import gc; gc.freeze(); print(fork())"))
    reply = ask(target.address(child), "POST", "/v1/reclaim", {"tier": "critical"})
    assert outcomes(reply)["gc"] == ("ran", None)
    os.kill(child, signal.SIGKILL)


def test_an_exec_takes_the_socket_along_to_nobody(start: Start, wait_until: Any) -> None:
    target = start()
    before = target.address()
    target.send("os.execv('/bin/sh', ['sh', '-c', 'echo changed; read line'])")
    assert target.line() == "changed"
    with pytest.raises(ConnectionRefusedError):
        connect(before)
    second = start()  # of the same run directory
    second.stats()
    wait_until(lambda: os.listdir(second.run_dir) and target.sockets() == [before])  # its PID lives: not stale by name


def test_an_exec_into_a_program_with_an_agent_takes_the_name_over(start: Start, wait_until: Any) -> None:
    target = start()
    before = target.address()
    inode = os.stat(before).st_ino
    code = f"import sys; sys.path.insert(0, {str(DAEMON)!r}); from brimwatch import hooks"
    code += "; print(hooks.install(), flush=True); input()"
    target.send(f"os.execv(sys.executable, [sys.executable, '-c', {code!r}])")
    assert target.line() == "True"
    assert target.sockets() == [before]
    assert os.stat(before).st_ino != inode
    assert target.stats()["pid"] == target.pid


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_have_agents_and_leave_nothing(
    spawn: Any, wait_until: Any, run_dir: str, tmp_path: Any, method: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import multiprocessing, sys
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
hooks.install()

def work(inbox):
    inbox.get()

if __name__ == '__main__':
    context = multiprocessing.get_context({method!r})
    inbox = context.Queue()
    children = [context.Process(target=work, args=(inbox,)) for _ in range(2)]
    for child in children: child.start()
    print(*[child.pid for child in children], flush=True)
    sys.stdin.readline()
    for child in children: inbox.put(None)
    for child in children: child.join()
    print([child.exitcode for child in children], flush=True)
    sys.stdin.readline()
""")
    process = spawn(
        [sys.executable, str(script)], stdin=-1, stdout=-1, text=True, env={**os.environ, "BRIMWATCH_RUN_DIR": run_dir}
    )
    target = Target(process, run_dir, wait_until)
    for pid in map(int, target.line(60).split()):
        assert ask(target.address(pid), "GET", "/v1/stats").body["pid"] == pid
    assert target.run("") == "[0, 0]"
    wait_until(lambda: method == "forkserver" or os.listdir(run_dir) == [os.path.basename(target.address())])
    assert target.end() == 0


def test_a_program_that_becomes_a_daemon_keeps_its_agent_and_its_files(start: Start, wait_until: Any) -> None:
    target = start()
    before = target.address()
    # What daemonizing does: every number above 2 is closed, and given to something else.
    line = "os.closerange(3, 64); mine = [os.open('/etc/hostname', os.O_RDONLY) for _ in range(8)]; print('closed')"
    assert target.run(line) == "closed"
    wait_until(lambda: target.sockets() and _answers(target))
    assert target.stats()["pid"] == target.pid
    assert target.run("print([os.fstat(fd).st_size > 0 for fd in mine] == [True] * 8)") == "True"
    assert os.path.dirname(before) == target.run_dir


def _answers(target: Target) -> bool:
    try:
        return target.ask("GET", "/v1/stats").status == 200
    except (OSError, IndexError):
        return False


def test_a_subinterpreter_is_refused_politely(python: str, tmp_path: Any) -> None:
    inner = f"""
import sys
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
installed = hooks.install(run_dir={str(tmp_path / "run")!r})
with open({str(tmp_path / "said")!r}, 'w') as file:
    file.write(f"{{installed}} {{hooks.status()['agent']['why']}}")
"""
    outer = f"""
import sys
name = '_interpreters' if sys.version_info >= (3, 13) else '_xxsubinterpreters'
interpreters = __import__(name)
made = interpreters.create()
interpreters.run_string(made, {inner!r})
"""
    answer = subprocess.run([python, "-I", "-c", outer], capture_output=True, text=True, timeout=60)
    said = (tmp_path / "said").read_text() if (tmp_path / "said").exists() else answer.stderr
    assert said == "False a subinterpreter: install the hooks in the main interpreter"


def test_of_two_copies_in_one_process_the_second_hands_its_hooks_to_the_first(start: Start) -> None:
    target = start("""
first = hooks
for name in [name for name in sys.modules if name.startswith('brimwatch')]:
    del sys.modules[name]
from brimwatch import hooks as second
second.on('warning', name='early')(lambda request: None)
installed = second.install()
second.on('warning', name='late')(lambda request: None)
""")
    assert target.run("print(first is second, installed, second.status()['agent']['state'])") == "False False deferred"
    assert {"early", "late"} <= outcomes(target.reclaim("warning")).keys()
    assert len(target.sockets()) == 1
    assert target.stats()["python_threads"] == 2


def test_signals_that_the_program_waits_for_do_not_end_it_in_a_thread_of_ours(start: Start) -> None:
    target = start("import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})")
    os.kill(target.pid, signal.SIGUSR1)
    assert target.run("print(signal.sigwait({signal.SIGUSR1}) == signal.SIGUSR1)") == "True"
    assert json.loads(json.dumps(target.stats()))["pid"] == target.pid
