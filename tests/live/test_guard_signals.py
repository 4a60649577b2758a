"""Do signals reach a guarded command as if nobody stood in between: each once, from a terminal or from kill?"""

import os
import pty
import select
import signal
import subprocess
import termios
import time
from typing import Any

import psutil
import pytest
from tests.live.guard_run import GUARD, PYTHON, lines_of

pytestmark = pytest.mark.live

COUNTER = """
import os, signal, sys, time
def caught(number, _):
    time.sleep(0.1)
    print("caught", signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        time.sleep(0.3); sys.exit(9)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
               signal.SIGWINCH, signal.SIGCONT):
    signal.signal(number, caught)
print("ready", os.getpid(), flush=True)
while True: time.sleep(1)
"""


def start(spawn: Any, *words: str, **options: Any) -> "subprocess.Popen[str]":
    process: subprocess.Popen[str] = spawn([*GUARD, *words], stdout=subprocess.PIPE, text=True, **options)
    return process


def test_signals_sent_to_the_guard_reach_the_command_once_and_its_slow_end_is_waited_for(spawn: Any) -> None:
    process = start(spawn, "--", PYTHON, "-c", COUNTER, stderr=subprocess.DEVNULL)
    lines_of(process.stdout, "ready")
    for name in ("SIGUSR1", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR2", "SIGWINCH", "SIGCONT", "SIGTERM"):
        process.send_signal(signal.Signals[name])
        assert lines_of(process.stdout, "caught") == [f"caught {name}"]
    assert process.stdout is not None
    assert process.stdout.read() == ""
    assert process.wait(10) == 9


def test_a_stop_sent_to_the_guard_stops_both_and_a_continue_wakes_both(spawn: Any, wait_until: Any) -> None:
    process = start(spawn, "--", "sleep", "60", stderr=subprocess.DEVNULL, process_group=0)
    guard = psutil.Process(process.pid)
    (child,) = wait_until(guard.children)
    wait_until(lambda: child.name() == "sleep")
    process.send_signal(signal.SIGTSTP)
    wait_until(lambda: {guard.status(), child.status()} == {psutil.STATUS_STOPPED})
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: {guard.status(), child.status()} == {psutil.STATUS_SLEEPING})
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


def test_what_the_job_sends_to_its_own_group_is_not_repeated(spawn: Any) -> None:
    text = COUNTER.replace("while True: time.sleep(1)", "os.kill(0, signal.SIGUSR1); time.sleep(1); sys.exit(5)")
    process = start(spawn, "--", PYTHON, "-c", text, stderr=subprocess.DEVNULL, process_group=0)
    assert process.stdout is not None
    assert process.stdout.read().splitlines()[1:] == ["caught SIGUSR1"]
    assert process.wait(10) == 5


def test_what_nohup_ignores_stays_ignored(spawn: Any) -> None:
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *GUARD, "--", "sh", "-c", "echo ready; read x; exit 6"]
    process = spawn(ignoring, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines_of(process.stdout, "ready")
    process.send_signal(signal.SIGHUP)
    process.stdin.write("\n")
    process.stdin.close()
    assert process.wait(10) == 6


class Terminal:
    """A guard that leads a session on a pseudo-terminal."""

    def __init__(self, *words: str) -> None:
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execv(GUARD[0], [*GUARD, *words])
        self.seen = ""

    def until(self, text: str, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.screen], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.screen, 4096).decode()
                except OSError:  # the other side has closed it
                    assert text in self.seen, self.seen

    def press(self, key: int) -> None:
        os.write(self.screen, termios.tcgetattr(self.screen)[6][key])

    def code(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal() -> Any:
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(*words))
        return opened[-1]

    yield start
    for one in opened:
        os.close(one.screen)


def test_ctrl_c_reaches_the_command_once_and_the_guard_outlives_it(terminal: Any) -> None:
    run = terminal("--", PYTHON, "-c", COUNTER)
    run.until("ready")
    run.press(termios.VINTR)
    run.until("caught SIGINT")
    run.press(termios.VQUIT)
    run.until("caught SIGQUIT")
    os.kill(run.pid, signal.SIGTERM)
    run.until("brimwatch: summary")
    assert (run.seen.count("caught SIGINT"), run.seen.count("caught SIGQUIT")) == (1, 1)
    run.until("exit code 9")
    assert run.code() == 9


def test_ctrl_c_ends_a_command_that_does_not_catch_it_and_the_summary_is_still_told(terminal: Any) -> None:
    run = terminal("--", "sh", "-c", "echo ready; exec sleep 60")
    run.until("ready")
    run.press(termios.VINTR)
    run.until("SIGINT (exit code 130)")
    assert run.code() == 130


def test_the_command_has_the_terminal(terminal: Any) -> None:
    run = terminal("--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && read x && echo got $x")
    os.write(run.screen, b"word\n")
    run.until("got word")
    assert run.code() == 0


def test_ctrl_z_stops_both_below_a_shell_and_fg_wakes_both(spawn: Any, wait_until: Any) -> None:
    pid, screen = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-i"])
    command = " ".join(GUARD) + " -- sh -c 'echo re''ady; exec sleep 30'\n"
    run = Terminal.__new__(Terminal)
    run.pid, run.screen, run.seen = pid, screen, ""
    try:
        os.write(screen, command.encode())
        run.until("ready\r\n")
        (guard,) = psutil.Process(pid).children()
        run.press(termios.VSUSP)
        wait_until(lambda: {one.status() for one in (guard, *guard.children(True))} == {psutil.STATUS_STOPPED})
        os.write(screen, b"fg\n")
        wait_until(lambda: psutil.STATUS_STOPPED not in {one.status() for one in (guard, *guard.children(True))})
        run.press(termios.VINTR)
        run.until("brimwatch: summary")
        os.write(screen, b"echo code $?\n")
        run.until("code 130")
    finally:
        os.write(screen, b"exit\n")
        os.close(screen)
        os.waitpid(pid, 0)
