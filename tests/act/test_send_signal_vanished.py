import asyncio
import os
import subprocess
from typing import Any

import pytest
from tests.act.processes import request_for, start_catcher
from tests.act.signalling import TERM, USR1, send_to, told

from brimwatch.act import gate, send_signal
from brimwatch.act.evidence import Observed
from brimwatch.act.request import Recipient
from brimwatch.act.send_signal import Sending, run
from brimwatch.model import ProcessId, Reason, Verdict


def test_nobody_to_signal_is_vanished() -> None:
    assert told(asyncio.run(run(request_for(USR1)))) == (Verdict.SUPPRESSED, Reason.VANISHED)


def test_a_recipient_without_a_descriptor_is_vanished() -> None:
    attempt = asyncio.run(run(request_for(USR1, [Recipient(ProcessId(1, 1), -1)])))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.VANISHED)


def killed(child: "subprocess.Popen[Any]", reaped: bool) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))


@pytest.mark.live
@pytest.mark.parametrize("reaped", [pytest.param(True, id="reaped"), pytest.param(False, id="a zombie")])
@pytest.mark.parametrize("options", [pytest.param(USR1, id="USR1"), pytest.param(TERM, id="TERM")])
@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("step", ["exited", "read_stat", "_open_status", "_unhandled"])
def test_a_process_that_vanishes_at_any_step_is_vanished(
    spawn: Any, monkeypatch: pytest.MonkeyPatch, step: str, call: int, options: Sending, reaped: bool
) -> None:
    """The first call is that of the look, the second one, but for `exited`, that of the look before the send."""
    child = start_catcher(spawn, "SIGUSR1")
    function = getattr(gate, step)
    calls: list[str] = []

    def end_first(*given: Any) -> Any:
        calls.append(step)
        if len(calls) == call:
            killed(child, reaped)
        return function(*given)

    monkeypatch.setattr(gate, step, end_first)
    attempt = send_to(child.pid, options)
    assert len(calls) >= call
    if (step, call, reaped) == ("_unhandled", 2, False):  # nothing looks again after that; a zombie takes any signal
        assert told(attempt) == (Verdict.RUN, None)
    else:
        assert told(attempt) == (Verdict.SUPPRESSED, Reason.VANISHED)


@pytest.mark.live
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_vanishes_around_the_look_at_its_runtime_is_vanished(
    spawn: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    observe = send_signal.observe

    async def observe_the_dying(*place: Any) -> Observed:
        if moment == "before":
            killed(child, reaped=True)
        observed = await observe(*place)
        killed(child, reaped=True)
        return observed

    monkeypatch.setattr(send_signal, "observe", observe_the_dying)
    assert told(send_to(child.pid, USR1)) == (Verdict.SUPPRESSED, Reason.VANISHED)
