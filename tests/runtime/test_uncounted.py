"""Is a kill that no cgroup counts told from an end that is none?"""

import os
import signal
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.traces import MB, rows_of

from brimwatch.model import Action, Firing, Limit, ProcessId, Sample, Tier
from brimwatch.runtime import uncounted as module
from brimwatch.runtime.uncounted import uncounted
from brimwatch.units import Bytes

PROCESS = ProcessId(42, 7)
GROWING = [(0.0, 300.0), (1.0, 400.0)]  # of 500 MB
KILLED, ENDED, ENDED_BY_TERM = signal.SIGKILL.value, 0, signal.SIGTERM.value
ENDS = Firing(1, Tier.EMERGENCY, 0, Action("restart", "signal", None, ends_process=True), 0.0)
ASKS = replace(ENDS, action=Action("reclaim", "hook", None))


def subject(points: list[tuple[float, float]], source: str = "cgroup") -> Any:
    left = Bytes(int(500 * MB - points[-1][1] * MB))
    sample = Sample(points[-1][0], {}, Limit(Bytes(500 * MB), source), left)
    history = SimpleNamespace(rows=lambda since: rows_of(points))
    watched = {PROCESS: SimpleNamespace(pidfd=-1)}
    return SimpleNamespace(sample=sample, history=history, watched=watched, ended_at=None)


@pytest.mark.parametrize(
    ("status", "points", "firing", "expected"),
    [
        pytest.param(KILLED, GROWING, None, "exit", id="killed while growing towards its limit"),
        pytest.param(KILLED, GROWING, ASKS, "exit", id="killed while a rung asked it to give back"),
        pytest.param(KILLED, GROWING, ENDS, None, id="killed by a rung of ours"),
        pytest.param(KILLED, [(0.0, 300.0), (1.0, 300.0)], None, None, id="killed at rest, by somebody"),
        pytest.param(ENDED, [(0.0, 300.0), (1.0, 499.0)], None, None, id="ended by itself at its limit"),
        pytest.param(ENDED_BY_TERM, GROWING, None, None, id="asked to end while growing"),
        pytest.param(None, [(0.0, 300.0), (1.0, 499.0)], None, "inferred", id="how is not known, and nothing was left"),
        pytest.param(None, GROWING, None, None, id="how is not known, and much was left"),
        pytest.param(None, [(0.0, 300.0), (1.0, 499.0)], ASKS, "inferred", id="how is not known, and a rung asked"),
        pytest.param(None, [(0.0, 300.0), (1.0, 499.0)], ENDS, None, id="how is not known, and a rung was to end it"),
    ],
)
def test_what_an_end_is_evidence_of(
    monkeypatch: Any, status: int | None, points: list[tuple[float, float]], firing: Firing | None, expected: str | None
) -> None:
    monkeypatch.setattr(module, "wait_status", lambda pidfd: status)
    assert uncounted(subject(points), PROCESS, firing, 2.0) == expected


def test_where_the_machine_is_the_limit_nothing_is_inferred(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "wait_status", lambda pidfd: KILLED)
    assert os.WIFSIGNALED(KILLED)
    assert uncounted(subject(GROWING, "machine"), PROCESS, None, 2.0) is None
