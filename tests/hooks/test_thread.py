"""Does an agent go on where memory has run out, and is work done once, whatever becomes of its thread?"""

import resource
import subprocess
from collections.abc import Callable

import pytest
from tests.hooks.conftest import DAEMON
from tests.hooks.speaking import Reply, Target, outcomes

pytestmark = pytest.mark.live
Start = Callable[..., Target]
ENDLESS = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

# Down to the smallest block: what is left is what the interpreter's own free lists hold.
FILLS = """
import resource
ran = []
hooks.on('critical', name='mine')(lambda request: ran.append(1))
hooks.register('sized', size=lambda: 5)
held = [None] * 400_000
def fill():
    count, size = 0, 1 << 24
    with open('/proc/self/status') as file:
        data = [int(line.split()[1]) * 1024 for line in file if line.startswith('VmData')][0]
    resource.setrlimit(resource.RLIMIT_DATA, (data, resource.RLIM_INFINITY))
    while size >= 32 and count < len(held):
        try:
            held[count] = bytearray(size)
            count += 1
        except MemoryError:
            size >>= 1
    os.write(1, b'full\\n')
"""


def answered(target: Target, number: int) -> Reply | None:
    """None where the agent has hung up: without memory it may have none for an answer. Silence is a TimeoutError."""
    try:
        if number % 5 == 4:
            return target.ask("GET", "/v1/stats")
        return target.reclaim("critical", names=["mine"])
    except (EOFError, ConnectionError):
        return None


def test_under_a_ceiling_that_was_hit_an_agent_goes_on_and_answers_once_it_is_lifted(start: Start, python: str) -> None:
    target = start(FILLS, python=python, stderr=subprocess.PIPE)
    assert outcomes(target.reclaim("critical"))["mine"] == ("ran", None)  # leaves a stack behind for the next thread
    assert target.run("fill()") == "full"
    replies = [answered(target, number) for number in range(20)]
    resource.prlimit(target.pid, resource.RLIMIT_DATA, ENDLESS)
    assert target.run("held.clear(); print('lifted')") == "lifted"
    assert outcomes(target.reclaim("critical"))["mine"] == ("ran", None)
    assert (target.stats()["busy"], target.stats()["python_threads"]) == (None, 2)
    said = [reply for number, reply in enumerate(replies) if number % 5 != 4 and reply and reply.status == 200]
    ran = int(target.run("print(len(ran))")) - 2
    assert len([reply for reply in said if outcomes(reply)["mine"][0] == "ran"]) <= ran <= 16
    assert target.end() == 0
    assert target.process.stderr.read() == ""


BEGINS = f"""
import sys, threading, time
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch.hooks import thread
from brimwatch.hooks.lane import run_beside
done, names = [], []
def work():
    done.append(threading.current_thread().name)
def gone():
    end = time.monotonic() + 10
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.001)
    return threading.active_count() == 1
Thread = threading.Thread
"""


def run(python: str, code: str) -> None:
    found = subprocess.run([python, "-I", "-c", BEGINS + code], capture_output=True, text=True, timeout=30)
    assert (found.returncode, found.stderr) == (0, "")


ONCE = "run_beside(work, 'ours', lambda: done.append('over'))\nassert gone(), threading.enumerate()\n"


@pytest.mark.parametrize(
    ("code", "where"),
    [
        pytest.param("", "ours", id="on a thread of its own"),
        pytest.param("thread.ROOM = 1 << 60", "MainThread", id="here where there is no room for one"),
        pytest.param(
            "def fails(self): raise MemoryError\nThread._set_ident = fails",
            "MainThread",
            id="here where it dies at once",
        ),
        pytest.param(
            "def no(*_, **__): raise RuntimeError\nthreading._start_new_thread = threading._start_joinable_thread = no",
            "MainThread",
            id="here where none can be made",
        ),
        pytest.param(
            "begin = Thread.start\ndef start(self):\n    begin(self)\n    raise MemoryError\nThread.start = start",
            "ours",
            id="once though the start failed when the thread was there",
        ),
    ],
)
def test_work_is_done_once(python: str, code: str, where: str) -> None:
    run(python, f"{code}\n{ONCE}assert done == [{where!r}, 'over'], done\n")


def test_a_thread_that_comes_too_late_does_nothing(python: str) -> None:
    run(python, """
thread.PATIENCE = 0.02
go, begin = threading.Event(), Thread._bootstrap_inner
def late(self):
    go.wait()
    begin(self)
Thread._bootstrap_inner = late
run_beside(work, 'ours')
assert done == ['MainThread'], done
go.set()
assert gone(), threading.enumerate()
time.sleep(0.01)
assert done == ['MainThread'], done
""")  # fmt: skip


def test_what_work_raises_is_not_printed(python: str) -> None:
    run(python, "def fails():\n    raise MemoryError\nassert thread.start_thread(fails, 'ours')\nassert gone()\n")
