"""Does a process live on, whatever signal an action names? With the runtimes that catch more than their programs do."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import held, is_alive, request_for, start_catcher, taken

from brimwatch.act.send_signal import Sending, run
from brimwatch.act.signals import ENDING, parse_signal
from brimwatch.config.nodes import compose
from brimwatch.model import Attempt, Reason, Verdict

pytestmark = pytest.mark.live

NODE = """
const inspector = require('inspector');
if (process.argv[2]) process.on(process.argv[2], (name) => console.log(name));
require('readline').createInterface({input: process.stdin})
  .on('line', (line) => console.log(line === 'debugger' ? String(inspector.url()) : 'here'))
  .on('close', () => process.exit(0));
console.log('ready');
"""
JAVA = """
public class Target {
  public static void main(String[] arguments) throws Exception {
    for (String name : arguments)
      sun.misc.Signal.handle(new sun.misc.Signal(name), signal -> System.out.println("SIG" + signal.getName()));
    System.out.println("ready");
    var lines = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
    while (lines.readLine() != null) System.out.println("here");
  }
}
"""
GO = """
package main
import ("bufio"; "fmt"; "os"; "os/signal"; "syscall")
func main() {
  if len(os.Args) > 1 {
    caught := make(chan os.Signal, 16)
    signal.Notify(caught, syscall.SIGUSR1)
    go func() { for range caught { fmt.Println("SIGUSR1") } }()
  }
  fmt.Println("ready")
  for lines := bufio.NewScanner(os.Stdin); lines.Scan(); { fmt.Println("here") }
}
"""
PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def start_node(component: Any, spawn: Any, *names: str) -> Any:
    # Port 0: a debugger that does open must not meet another one.
    return wait_for_ready(
        spawn([component("node"), "--inspect-port=127.0.0.1:0", "-e", NODE, "--", "x", *names], **PIPES)
    )


def start_java(component: Any, spawn: Any, tmp_path: Path, *names: str) -> Any:
    (tmp_path / "Target.java").write_text(JAVA)
    return wait_for_ready(spawn([component("java"), "Target.java", *names], cwd=tmp_path, **PIPES))


def start_go(component: Any, spawn: Any, tmp_path: Path, *names: str) -> Any:
    (tmp_path / "target.go").write_text(GO)
    settings = {"GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
    environment = {"GOCACHE": str(tmp_path), "GOPATH": str(tmp_path), **os.environ, **settings}
    build = [component("go"), "build", "-o", "renamed", "target.go"]
    subprocess.run(build, cwd=tmp_path, env=environment, check=True, timeout=110)
    return wait_for_ready(spawn([str(tmp_path / "renamed"), *names], **PIPES))


def wait_for_ready(child: Any) -> Any:
    assert child.stdout.readline() == "ready\n", child.stderr.read()
    return child


def ask(child: Any, question: str = "still") -> str:
    child.stdin.write(question + "\n")
    child.stdin.flush()
    return str(child.stdout.readline()).strip()


def attempts(pid: int, number: int, count: int, forced: bool = False) -> "Counter[Reason | None]":
    """Try so often, through the real action; the reasons given."""

    async def repeat() -> list[Attempt]:
        with held(pid) as recipients:
            request = request_for(Sending(number, forced=forced), recipients)
            return [await run(request) for _ in range(count)]

    return Counter(attempt.reason for attempt in asyncio.run(repeat()))


def nameable() -> list[int]:
    """Every signal that a configuration may name and that is not there to end a process."""
    numbers = []
    for number in sorted(map(int, signal.valid_signals())):
        root = compose(f"signal: {signal_name(number)}", "f.yaml")
        if number not in ENDING and parse_signal((root.mapping() or {})["signal"]) is not None:
            numbers.append(number)
    assert len(numbers) > 40
    return numbers


def signal_name(number: int) -> str:
    return f"SIGRTMIN+{number - 34}" if number >= 34 else signal.Signals(number).name


def all_tried(pid: int) -> dict[str, Reason | None]:
    """Try every signal ten times; for each the one reason that was given."""
    found = {}
    for number in nameable():
        reasons = attempts(pid, number, 10)
        assert len(reasons) == 1, signal_name(number)
        (found[signal_name(number)],) = reasons
    return found


def test_a_process_without_a_handler_survives_a_thousand_attempts(spawn: Any) -> None:
    child = spawn(["sleep", "100"])
    assert attempts(child.pid, signal.SIGUSR1, 1000) == {Reason.NO_HANDLER: 1000}
    assert attempts(child.pid, signal.SIGUSR2, 1000, forced=True) == {Reason.NO_HANDLER: 1000}
    assert is_alive(child.pid)


def test_a_process_that_is_only_starting_survives(spawn: Any) -> None:
    """Until Python has run the line that installs the handler, SIGUSR1 would end it."""
    for _ in range(5):
        child = spawn(
            [sys.executable, "-c", "import signal; signal.signal(signal.SIGUSR1, lambda *_: None); input()"],
            stdin=subprocess.PIPE,
        )
        reasons: Counter[Reason | None] = Counter()
        while None not in reasons:
            reasons += attempts(child.pid, signal.SIGUSR1, 5)
        assert set(reasons) <= {Reason.NO_HANDLER, None}
        child.stdin.close()
        assert child.wait(10) == 1  # end of input: input() raised


def test_a_python_program_gets_each_of_a_hundred_signals_at_most_once_each(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    sent = 0
    for _ in range(100):
        assert attempts(child.pid, signal.SIGUSR1, 1) == {None: 1}
        assert child.stdout.readline() == "SIGUSR1\n"
        sent += 1
    assert (sent, taken(child)) == (100, [])


def test_node_survives_every_signal_and_opens_no_debugger(component: Any, spawn: Any) -> None:
    child = start_node(component, spawn)
    found = all_tried(child.pid)
    assert {name for name, reason in found.items() if reason is None} <= {"SIGWINCH"}
    assert found["SIGUSR1"] is Reason.RUNTIME_RESERVED
    assert ask(child, "debugger") == "undefined"
    assert attempts(child.pid, signal.SIGUSR1, 1, forced=True) == {None: 1}
    while (address := ask(child, "debugger")) == "undefined":
        assert child.poll() is None
    assert address.startswith("ws://127.0.0.1:")  # so that the test above can fail


def test_a_node_program_with_a_handler_gets_the_signal_once(component: Any, spawn: Any) -> None:
    child = start_node(component, spawn, "SIGUSR2")
    assert attempts(child.pid, signal.SIGUSR2, 1) == {None: 1}
    assert child.stdout.readline() == "SIGUSR2\n"
    assert ask(child) == "here"


def test_java_survives_every_signal(component: Any, spawn: Any, tmp_path: Path) -> None:
    child = start_java(component, spawn, tmp_path)
    found = all_tried(child.pid)
    assert {name for name, reason in found.items() if reason is None} == set()
    assert found["SIGUSR2"] is Reason.RUNTIME_RESERVED
    assert found["SIGUSR1"] is Reason.NO_HANDLER
    assert attempts(child.pid, signal.SIGQUIT, 10) == {Reason.RUNTIME_RESERVED: 10}
    assert ask(child) == "here"  # and no thread dump before it
    # So that the test above can fail. Not SIGUSR2: it aborts OpenJDK 17.0.15, and 17.0.19 only warns.
    assert attempts(child.pid, signal.SIGQUIT, 1, forced=True) == {None: 1}
    while "Full thread dump" not in (line := child.stdout.readline()):
        assert line


def test_a_java_program_with_a_handler_gets_the_signal_once(component: Any, spawn: Any, tmp_path: Path) -> None:
    child = start_java(component, spawn, tmp_path, "USR1")
    assert attempts(child.pid, signal.SIGUSR1, 1) == {None: 1}
    assert child.stdout.readline() == "SIGUSR1\n"
    assert ask(child) == "here"


def test_go_survives_every_signal(component: Any, spawn: Any, tmp_path: Path) -> None:
    child = start_go(component, spawn, tmp_path)
    found = all_tried(child.pid)
    assert found["SIGURG"] is Reason.RUNTIME_RESERVED
    assert found["SIGPROF"] is Reason.RUNTIME_RESERVED
    assert found["SIGUSR1"] is None  # caught by the runtime, which does nothing on it
    assert ask(child) == "here"
    assert is_alive(child.pid)


def test_a_go_program_with_a_handler_gets_the_signal_once(component: Any, spawn: Any, tmp_path: Path) -> None:
    child = start_go(component, spawn, tmp_path, "notify")
    assert attempts(child.pid, signal.SIGUSR1, 1) == {None: 1}
    assert child.stdout.readline() == "SIGUSR1\n"
    assert ask(child) == "here"


@pytest.mark.parametrize("program", ["java", "go"])
def test_an_ending_signal_ends_these_in_good_order(component: Any, spawn: Any, tmp_path: Path, program: str) -> None:
    """SIGHUP is caught by both runtimes: that is no handler of the program's, and the process ends."""
    child = {"java": start_java, "go": start_go}[program](component, spawn, tmp_path)
    with held(child.pid) as recipients:
        options = Sending(signal.SIGHUP, then=signal.SIGKILL)
        attempt = asyncio.run(run(request_for(options, recipients, deadline=60.0)))
    assert (attempt.verdict, attempt.settled) == (Verdict.RUN, True)
    assert child.wait(10) in {129, -signal.SIGHUP}
