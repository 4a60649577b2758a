"""`BackgroundServices`: does each service restart and stop when memory runs short, and start again when it does not?"""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.logged import Log, relieve, states

from brimwatch import hooks
from brimwatch.hooks.following import FOLLOWING
from brimwatch.hooks.request import Request
from brimwatch.hooks.supervised import STATES


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
    three.tier_changed("emergency")
    assert relieve("emergency")["outcome"] == "ran"
    assert states(three) == {"general": "stopped", "important": "stopped", "critical": "running"}
    assert log.lines == ["-general", "-important"]
    assert three.info()["stopped_for_memory"] == 2
    again = relieve("emergency")
    assert (again["outcome"], again["reason"]) == ("suppressed", "condition")


def test_once_it_is_calm_they_start_again_the_most_important_first(
    three: hooks.BackgroundServices, log: Log, wait_until: Any
) -> None:
    three.tier_changed("emergency")
    relieve("emergency")
    log.lines.clear()
    three.tier_changed("warning")
    wait_until(lambda: three.info()["running"] == 3)
    assert sorted(log.lines) == ["+general", "+important"]
    assert three.info()["stopped_for_memory"] == 0


def test_a_calm_that_does_not_last_starts_nothing(made: Any, log: Log, wait_until: Any) -> None:
    services = made(calm_seconds=30)
    services.add("a", log.service("a"))
    services.start()
    wait_until(lambda: log.lines == ["+a"])
    services.tier_changed("emergency")
    relieve("emergency")
    services.tier_changed("calm")
    wait_until(lambda: states(services) == {"a": "waiting"})
    services.tier_changed("critical")
    wait_until(lambda: states(services) == {"a": "stopped"})
    assert (log.lines, services.info()["stopped_for_memory"]) == (["+a", "-a"], 1)


def test_stopped_by_hand_while_the_tier_is_calm_they_start_again_by_themselves(
    three: hooks.BackgroundServices, wait_until: Any
) -> None:
    relieve("emergency")
    wait_until(lambda: three.info()["running"] == 3)


def test_what_the_program_stops_stays_stopped(three: hooks.BackgroundServices) -> None:
    three.tier_changed("emergency")
    relieve("emergency")
    assert three.stop() == []
    three.tier_changed("calm")
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
    three.shrink(Request("critical", 10, needed_bytes=1))
    assert "-important" not in log.lines


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
                services.tier_changed(step)
                relieve(step) if step in ("critical", "emergency") else None
            assert set(states(services).values()) <= set(STATES)
            assert not any(line == "-critical" for line in logs["critical"].lines)
    finally:
        services.close()
    assert all(log.most <= 1 for log in logs.values())
    assert set(states(services).values()) == {"stopped"}


def test_sizes_are_added_up_and_a_faulty_one_is_no_size(three: hooks.BackgroundServices, log: Log) -> None:
    three.add("sized", function, size=lambda: 5_000_000)
    assert three.size_bytes() < 5_000_000  # it does not run
    three.start("sized")
    assert 5_000_000 <= hooks.status()["caches"]["services"]["footprint_bytes"] < 5_001_000
    three.add("faulty", function, size=lambda: 1 // 0)
    three.start("faulty")
    time.sleep(0.5)  # figures are kept that long
    assert hooks.status()["caches"]["services"]["footprint_bytes"] is None


def test_a_closed_one_is_no_hook_and_follows_nothing(three: hooks.BackgroundServices, registry: Any) -> None:
    assert ("services" in registry.hooks, three in FOLLOWING.blocks) == (True, True)
    three.close()
    assert ("services" in registry.hooks, three in FOLLOWING.blocks) == (False, False)
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


def test_from_many_threads_at_once_none_runs_twice_and_nothing_is_stuck(made: Any) -> None:
    services, logs, faults = made(calm_seconds=0.001), [Log() for _ in "abc"], []
    for log, name in zip(logs, "abc", strict=True):
        services.add(name, log.service(name), criticality="important" if name == "a" else "general")

    def shake(number: int) -> None:
        try:
            for turn in range(12):
                services.start()
                services.tier_changed(("calm", "emergency")[(turn + number) % 2])
                hooks.reclaim(("critical", "emergency")[turn % 2], names=["services"])
                services.status()
                services.stop("b")
        except Exception as fault:  # noqa: BLE001 - told below, on the main thread
            faults.append(fault)

    threads = [threading.Thread(target=shake, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    services.close()
    assert (faults, [thread.is_alive() for thread in threads], [log.most for log in logs]) == ([], [False] * 4, [1] * 3)
    assert set(states(services).values()) == {"stopped"}


def test_what_the_program_stops_while_it_is_stopped_for_memory_is_not_started_again(
    three: hooks.BackgroundServices,
) -> None:
    three.tier_changed("emergency")
    relieve("emergency")
    three.stop("general")
    three.tier_changed("calm")
    assert states(three)["general"] == "stopped"
    assert three.status()["general"]["stopped_for_memory"] is False
