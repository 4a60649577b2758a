"""`BackgroundServices`: does each service run, crash, restart and stop when it should, and never twice at once?"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch import hooks
from brimwatch.hooks import services as module
from brimwatch.hooks.request import Request
from brimwatch.hooks.services import disabled_names
from brimwatch.hooks.supervised import STATES, Backoff

CALM = 0.05


class Log:
    """What services did, in order, and how many of each name ran at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()

    def service(self, name: str) -> Callable[[threading.Event], None]:
        def run(stop: threading.Event) -> None:
            with self._lock:
                self._running += 1
                self.most = max(self.most, self._running)
            self.lines.append(f"+{name}")
            stop.wait(30)
            with self._lock:
                self._running -= 1
            self.lines.append(f"-{name}")

        return run


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def made() -> Iterator[Callable[..., hooks.BackgroundServices]]:
    found: list[hooks.BackgroundServices] = []

    def make(**options: Any) -> hooks.BackgroundServices:
        found.append(hooks.BackgroundServices(**{"calm_seconds": CALM, "stop_seconds": 5, **options}))
        return found[-1]

    yield make
    for services in found:
        services.close()


@pytest.fixture
def three(made: Any, log: Log, wait_until: Any) -> hooks.BackgroundServices:
    """One of each criticality, all running."""
    services: hooks.BackgroundServices = made()
    for criticality in ("important", "general", "critical"):
        services.add(criticality, log.service(criticality), criticality=criticality)
    services.start()
    wait_until(lambda: states(services) == dict.fromkeys(states(services), "running"))
    log.lines.clear()
    return services


def states(services: hooks.BackgroundServices) -> dict[str, str]:
    return {name: one["state"] for name, one in services.status().items()}


def relieve(tier: str, **options: Any) -> dict[str, Any]:
    (outcome,) = hooks.reclaim(tier, names=["services"], **options)["hooks"]
    return dict(outcome)


def function(stop: threading.Event) -> None:
    stop.wait(30)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        pytest.param({"name": "a b", "run": function}, "found the name 'a b'", id="a name that no metric can have"),
        pytest.param({"name": "a", "run": function, "criticality": "vital"}, "criticality 'vital'", id="criticality"),
        pytest.param({"name": "a"}, "wanted either run", id="nothing to run"),
        pytest.param({"name": "a", "run": "json"}, "wanted either run", id="a module without a function"),
        pytest.param({"name": "a", "run": function, "stop": print}, "wanted either run", id="both forms at once"),
        pytest.param({"name": "a", "start": print}, "wanted either run", id="a start that cannot be stopped"),
        pytest.param({"name": "there", "run": function}, "found there twice", id="a name that is taken"),
    ],
)
def test_a_service_that_cannot_be_is_refused(made: Any, arguments: Any, fault: str) -> None:
    services = made()
    services.add("there", function)
    with pytest.raises(ValueError, match=fault):
        services.add(**arguments)
    assert list(services.status()) == ["there"]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"restart_at": "calm"}, id="a tier at which nothing runs"),
        pytest.param({"restart_at": "emergency", "stop_at": "warning"}, id="restarts above stops"),
        pytest.param({"calm_seconds": -1}, id="a pause below 0"),
        pytest.param({"stop_seconds": float("nan")}, id="a deadline that is no number"),
        pytest.param({"name": ""}, id="no name"),
    ],
)
def test_options_that_cannot_be_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match="found"):
        hooks.BackgroundServices(**options)


def test_a_name_that_there_is_not_is_refused_and_nothing_is_stopped(three: hooks.BackgroundServices) -> None:
    for call in (three.start, three.stop):
        with pytest.raises(ValueError, match="found 'typo', wanted one of"):
            call("general", "typo")
    assert states(three)["general"] == "running"


def test_in_an_emergency_what_is_not_critical_stops_in_order(three: hooks.BackgroundServices, log: Log) -> None:
    three.follow("emergency")
    assert relieve("emergency")["outcome"] == "ran"
    assert states(three) == {"general": "stopped", "important": "stopped", "critical": "running"}
    assert log.lines == ["-general", "-important"]
    assert three.info()["stopped_for_memory"] == 2
    again = relieve("emergency")
    assert (again["outcome"], again["reason"]) == ("suppressed", "condition")


def test_once_it_is_calm_they_start_again_the_most_important_first(
    three: hooks.BackgroundServices, log: Log, wait_until: Any
) -> None:
    three.follow("emergency")
    relieve("emergency")
    log.lines.clear()
    three.follow("warning")
    wait_until(lambda: three.info()["running"] == 3)
    assert sorted(log.lines) == ["+general", "+important"]
    assert three.info()["stopped_for_memory"] == 0


def test_a_calm_that_does_not_last_starts_nothing(made: Any, log: Log, wait_until: Any) -> None:
    services = made(calm_seconds=30)
    services.add("a", log.service("a"))
    services.start()
    wait_until(lambda: log.lines == ["+a"])
    services.follow("emergency")
    relieve("emergency")
    services.follow("calm")
    wait_until(lambda: states(services) == {"a": "waiting"})
    services.follow("critical")
    wait_until(lambda: states(services) == {"a": "stopped"})
    assert (log.lines, services.info()["stopped_for_memory"]) == (["+a", "-a"], 1)


def test_stopped_by_hand_while_the_tier_is_calm_they_start_again_by_themselves(
    three: hooks.BackgroundServices, wait_until: Any
) -> None:
    relieve("emergency")
    wait_until(lambda: three.info()["running"] == 3)


def test_what_the_program_stops_stays_stopped(three: hooks.BackgroundServices) -> None:
    three.follow("emergency")
    relieve("emergency")
    assert three.stop() == []
    three.follow("calm")
    assert set(states(three).values()) == {"stopped"}
    assert three.info()["stopped_for_memory"] == 0


def test_at_critical_they_restart_but_not_again_at_once(made: Any, log: Log, wait_until: Any) -> None:
    services = made(calm_seconds=30)
    services.add("a", log.service("a"))
    services.start()
    wait_until(lambda: log.lines == ["+a"])
    assert relieve("critical")["outcome"] == "ran"
    wait_until(lambda: log.lines == ["+a", "-a", "+a"])
    again = relieve("critical")
    assert (again["outcome"], again["reason"]) == ("suppressed", "cooldown")
    assert services.status()["a"]["restarts"] == 1


def test_once_enough_came_back_the_important_ones_go_on(
    three: hooks.BackgroundServices, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Request, "enough", lambda _self: "-general" in log.lines)
    three.relieve(Request("critical", 10, needed_bytes=1))
    assert "-important" not in log.lines


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
    names = disabled_names({module.VARIABLE: text})
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


class Step:
    ALL = ("start", "stop", "critical", "emergency", "calm", "warning")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(Step.ALL), max_size=10))
def test_whatever_happens_no_service_runs_twice_and_the_critical_one_is_left_alone(steps: list[str]) -> None:
    services, logs = hooks.BackgroundServices(calm_seconds=0.001), {}
    for criticality in ("general", "important", "critical"):
        logs[criticality] = Log()
        services.add(criticality, logs[criticality].service(criticality), criticality=criticality)
    services.start("critical")
    try:
        for step in steps:
            if step == "start":
                services.start()
            elif step == "stop":
                assert services.stop("general", "important") == []
            else:
                services.follow(step)
                relieve(step) if step in ("critical", "emergency") else None
            assert set(states(services).values()) <= set(STATES)
            assert not any(line == "-critical" for line in logs["critical"].lines)
    finally:
        services.close()
    assert all(log.most <= 1 for log in logs.values())
    assert set(states(services).values()) == {"stopped"}


def test_sizes_are_added_up_and_a_faulty_one_is_no_size(three: hooks.BackgroundServices, log: Log) -> None:
    three.add("sized", function, size=lambda: 5_000_000)
    assert three.size() < 5_000_000  # it does not run
    three.start("sized")
    assert 5_000_000 <= hooks.status()["caches"]["services"]["footprint_bytes"] < 5_001_000
    three.add("faulty", function, size=lambda: 1 // 0)
    three.start("faulty")
    time.sleep(0.5)  # figures are kept that long
    assert hooks.status()["caches"]["services"]["footprint_bytes"] is None


def test_a_closed_one_is_no_hook_and_follows_nothing(three: hooks.BackgroundServices, registry: Any) -> None:
    three.close()
    assert ("services" in registry.hooks, three.follow in registry.subscribers) == (False, False)
    assert set(states(three).values()) == {"stopped"}


@pytest.mark.live
def test_in_a_real_process_the_tier_stops_them_and_its_end_starts_them_again(program: Callable[..., Any]) -> None:
    code = """
services = hooks.BackgroundServices(calm_seconds=0.01)
def hold(stop):
    held = [bytes(1000) for _ in range(60000)]
    stop.wait(60)
services.add('indexer', hold)
def state(wanted):
    end = time.monotonic() + 20
    while services.status()['indexer']['state'] != wanted and time.monotonic() < end: time.sleep(0.01)
    return services.status()['indexer']['state']
services.start()
first = state('running')
while hooks.status()['memory_usage_gb'] < 0.06: time.sleep(0.01)
hooks.install(thresholds={'emergency': 1})
stopped = state('stopped')
while not hooks.status()['stats']['busy'] is None: time.sleep(0.01)
last = [hook for hook in hooks.status()['hooks'] if hook['name'] == 'services'][0]['last']
hooks.install(thresholds={'emergency': 10**15})
say([first, stopped, last['outcome'], last['claimed_bytes'] > 20e6, state('running')])
"""
    assert program(code) == ["running", "stopped", "ran", True, "running"]


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
