import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.act.processes import field_after_comm, held, identity, is_alive, request_for, start_catcher, taken, tell
from tests.act.signalling import USR1, send_to, told

from brimwatch.act import send_signal
from brimwatch.act.evidence import Observed
from brimwatch.act.send_signal import run
from brimwatch.model import ProcessId, Reason, Verdict


@pytest.mark.live
def test_a_process_that_catches_it_gets_it_exactly_once(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    with held(child.pid, comm="catch\x1b[2J\ner") as recipients:
        attempt = asyncio.run(run(request_for(USR1, recipients)))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail == f"SIGUSR1 to {child.pid} (catch?[2J?er)"
    assert not attempt.settled
    assert attempt.started <= attempt.ended <= time.monotonic()
    assert taken(child) == ["SIGUSR1"]


@pytest.mark.live
@pytest.mark.parametrize("order", ["reset SIGUSR1", "ignore SIGUSR1"])
def test_a_process_that_no_longer_catches_it_gets_nothing(spawn: Any, order: str) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    tell(child, order)
    assert told(send_to(child.pid, USR1)) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert taken(child) == []


@pytest.mark.live
def test_a_signal_that_is_blocked_and_not_caught_is_not_sent(spawn: Any) -> None:
    child = start_catcher(spawn)
    tell(child, "block SIGUSR1")
    assert told(send_to(child.pid, USR1)) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert taken(child) == []


@pytest.mark.live
def test_exec_takes_the_handlers_away(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    before = identity(child.pid)
    become(child, "/bin/sleep 60")
    assert identity(child.pid) == before
    assert told(send_to(child.pid, USR1)) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert is_alive(child.pid)


@pytest.mark.live
def test_a_program_executed_between_the_looks_is_looked_at_anew(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    seen: list[str] = []
    observe = send_signal.observe

    async def observe_and_change(*place: Any) -> Observed:
        observed = await observe(*place)
        seen.append(os.path.basename(observed.image.executable))
        if len(seen) == 1:
            become(child, "/bin/sleep 60")
        return observed

    monkeypatch.setattr(send_signal, "observe", observe_and_change)
    assert told(send_to(child.pid, USR1)) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert seen == [os.path.basename(os.path.realpath(sys.executable)), "sleep"]
    assert is_alive(child.pid)


@pytest.mark.live
def test_a_process_that_never_stops_executing_is_left_alone(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    observe = send_signal.observe

    async def observe_another(*place: Any) -> Observed:
        observed = await observe(*place)
        return observed._replace(image=observed.image._replace(start_stack=1))

    monkeypatch.setattr(send_signal, "observe", observe_another)
    assert told(send_to(child.pid, USR1)) == (Verdict.SUPPRESSED, Reason.BUSY)
    assert taken(child) == []


def become(child: "subprocess.Popen[str]", argv: str) -> None:
    """Make a catcher execute another program, and wait until it has."""
    assert child.stdin is not None
    child.stdin.write(f"exec {argv}\n")
    child.stdin.flush()
    wanted, end = os.path.realpath(argv.split()[0]), time.monotonic() + 10
    while os.readlink(f"/proc/{child.pid}/exe") != wanted:
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.live
def test_a_stopped_process_gets_it_when_it_goes_on(spawn: Any, wait_until: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    child.send_signal(signal.SIGSTOP)
    wait_until(lambda: field_after_comm(child.pid, 0) == "T")
    assert told(send_to(child.pid, USR1)) == (Verdict.RUN, None)
    child.send_signal(signal.SIGCONT)
    assert taken(child) == ["SIGUSR1"]


@pytest.mark.live
def test_a_used_pid_is_another_process(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    with held(child.pid) as (recipient,):
        older = recipient._replace(process=ProcessId(child.pid, recipient.process.start_ticks - 100))
        attempt = asyncio.run(run(request_for(USR1, [older])))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.VANISHED)
    assert taken(child) == []
