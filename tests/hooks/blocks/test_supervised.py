"""One background service: does it run again after a crash, never twice at once, and not at all where it must not?"""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.logged import relieve, states

from brimwatch.hooks.services import VARIABLE, disabled_names
from brimwatch.hooks.supervised import Backoff


def test_a_service_that_does_not_stop_holds_up_nobody_and_never_runs_twice(made: Any, wait_until: Any) -> None:
    release, runs, running, most = threading.Event(), [0], [0], [0]

    def stubborn(_stop: threading.Event) -> None:
        runs[0] += 1
        running[0] += 1
        most[0] = max(most[0], running[0])
        release.wait(30)
        running[0] -= 1

    services = made(stop_seconds=0.05)
    services.add("stubborn", stubborn)
    services.start()
    wait_until(lambda: runs == [1])
    began = time.monotonic()
    outcome = relieve("critical")
    assert (outcome["outcome"], outcome["reason"]) == ("suppressed", "deadline")
    assert outcome["detail"] == "did not stop in time: stubborn"
    assert time.monotonic() - began < 20
    assert (services.start(), states(services)) == ([], {"stubborn": "stopping"})
    release.set()
    wait_until(lambda: runs[0] >= 2)
    assert most == [1]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(ValueError("no such index"), "ValueError: no such index", id="an exception"),
        pytest.param(SystemExit(3), "SystemExit: 3", id="sys.exit"),
        pytest.param(KeyboardInterrupt(), "KeyboardInterrupt: ", id="an interrupt"),
        pytest.param(ValueError("a\nb\x00" + "c" * 999), "ValueError: a b c", id="a text of many lines"),
    ],
)
def test_a_crash_is_followed_by_a_restart(made: Any, wait_until: Any, fault: BaseException, told: str) -> None:
    crashes = [2]

    def run(stop: threading.Event) -> None:
        if crashes[0]:
            crashes[0] -= 1
            raise fault
        stop.wait(30)

    services = made()
    services.add("a", run).backoff = Backoff(first=0.001)
    services.start()
    wait_until(lambda: states(services) == {"a": "running"} and crashes == [0])
    found = services.status()["a"]
    assert (found["crashes"], found["restarts"], found["fault"][: len(told)]) == (2, 2, told)
    assert len(found["fault"]) <= 200


def test_one_that_crashes_again_and_again_is_given_up_until_it_is_started_by_hand(made: Any, wait_until: Any) -> None:
    services = made()
    services.add("a", "json:dumps_of_nothing").backoff = Backoff(first=0.001, most=3)
    services.start()
    wait_until(lambda: states(services) == {"a": "failed"})
    assert services.status()["a"]["crashes"] == 4
    assert services.info()["failed"] == 1
    assert services.start() == ["a"]


def test_one_that_ends_by_itself_has_ended(made: Any, wait_until: Any) -> None:
    services = made()
    services.add("a", lambda stop: None)
    services.start()
    wait_until(lambda: states(services) == {"a": "ended"})


def test_one_with_threads_of_its_own_is_started_asked_and_stopped(
    made: Any, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brimwatch.hooks.supervised.ALIVE_EVERY", 0.001)
    log: list[str] = []
    answers = [True, False]
    services = made()
    services.add(
        "own",
        start=lambda: log.append("start"),
        stop=lambda: log.append("stop"),
        alive=lambda: not answers or answers.pop(0),
    ).backoff = Backoff(first=0.001)
    services.start()
    wait_until(lambda: log == ["start", "stop", "start"])
    assert services.status()["own"]["fault"] == "RuntimeError: it is not alive any more"
    assert services.stop() == []
    assert log == ["start", "stop", "start", "stop"]


def test_one_may_stop_them_all_itself_without_waiting_for_its_own_end(made: Any, wait_until: Any) -> None:
    services = made(stop_seconds=20)
    left: list[list[str]] = []
    services.add("a", lambda stop: left.append(services.stop()))
    services.start()
    wait_until(lambda: left == [["a"]] and states(services) == {"a": "stopped"})


def test_a_disabled_one_is_never_loaded(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "indexer_of_test.py").write_text("def run(stop): stop.wait(30)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BRIMWATCH_DISABLE", "indexer, , a b ,other")
    services = made()
    services.add("indexer", "indexer_of_test:run")
    assert (services.start(), states(services)) == ([], {"indexer": "disabled"})
    assert "indexer_of_test" not in sys.modules
    assert services.info()["disabled"] == 1


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_whatever_the_variable_says_names_come_out(text: str) -> None:
    names = disabled_names({VARIABLE: text})
    assert names <= {part.strip() for part in text.split(",")}
    assert "" not in names


@settings(max_examples=50)
@given(st.floats(0.001, 10), st.floats(10, 1000), st.integers(1, 100), st.lists(st.floats(-1, 2000), max_size=120))
def test_pauses_grow_within_their_bound_and_a_long_run_starts_anew(
    first: float, longest: float, most: int, runs: list[float]
) -> None:
    backoff, last = Backoff(first, longest, most), 0.0
    for ran in runs:
        pause = backoff.after(ran)
        if ran >= longest:
            assert pause == first
        elif pause is None:
            assert backoff.crashes > most
            return
        else:
            assert last <= pause <= longest
        last = pause or 0.0


@pytest.mark.live
def test_in_a_forked_child_no_service_runs_until_it_is_started_there(program: Callable[..., Any]) -> None:
    code = """
services = hooks.BackgroundServices()
services.add('a', lambda stop: stop.wait(60))
services.start()
def state(wanted):
    end = time.monotonic() + 20
    while services.status()['a']['state'] != wanted and time.monotonic() < end: time.sleep(0.01)
    return services.status()['a']['state']
state('running')
reader, writer = os.pipe()
if os.fork() == 0:
    found = [services.status()['a']['state'], services.stop(), services.start(), state('running'), services.stop()]
    os.write(writer, json.dumps(found).encode()); os._exit(0)
os.wait()
say([json.loads(os.read(reader, 999)), state('running')])
"""
    assert program(code) == [["stopped", [], ["a"], "running", []], "running"]


@pytest.mark.live
def test_they_are_stopped_when_the_program_ends_and_processes_they_start_get_signals(
    program: Callable[..., Any],
) -> None:
    code = """
import subprocess
blocked = []
def run(stop):
    code = 'import signal; print(len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))'
    blocked.append(int(subprocess.run([sys.executable, '-S', '-c', code], capture_output=True).stdout))
    stop.wait(60)
    say(blocked)
services = hooks.BackgroundServices()
services.add('a', run)
services.start()
while not blocked: time.sleep(0.01)
"""
    assert program(code) == [0]
