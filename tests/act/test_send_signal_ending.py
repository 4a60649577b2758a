import asyncio
import os
import signal
from typing import Any

import pytest
from tests.act.processes import held, request_for, start_catcher, taken, tell
from tests.act.signalling import TERM, USR1, ending, send_to, told

from brimwatch.act.send_signal import Sending, run
from brimwatch.model import Reason, Verdict


@pytest.mark.live
def test_sigterm_needs_no_handler(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    attempt = send_to(child.pid, TERM)
    assert told(attempt) == (Verdict.RUN, None)
    assert child.wait(10) == -signal.SIGTERM


@pytest.mark.live
def test_other_ending_signals_need_a_handler(spawn: Any) -> None:
    child = start_catcher(spawn)
    assert told(send_to(child.pid, Sending(signal.SIGHUP))) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert taken(child) == []


@pytest.mark.live
def test_a_process_that_ends_in_its_grace_is_settled_and_gets_no_second_signal(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    attempt = send_to(child.pid, ending(30.0))
    assert (told(attempt), attempt.settled) == ((Verdict.RUN, None), True)
    assert attempt.detail.startswith(f"SIGTERM to {child.pid}; exited after ")
    assert child.wait(10) == -signal.SIGTERM


@pytest.mark.live
@pytest.mark.parametrize("order", ["ignore SIGTERM", "block SIGTERM", "none"])
def test_a_process_that_outlives_its_grace_gets_the_second_signal(spawn: Any, order: str) -> None:
    child = start_catcher(spawn, "SIGTERM")
    if order != "none":
        tell(child, order)
    attempt = send_to(child.pid, ending(0.2))
    assert (told(attempt), attempt.settled) == ((Verdict.RUN, None), True)
    assert attempt.detail.startswith(f"SIGTERM to {child.pid}; after 200ms SIGKILL to {child.pid}; exited after ")
    assert attempt.ended - attempt.started >= 0.2
    assert child.wait(10) == -signal.SIGKILL


@pytest.mark.live
def test_sigterm_alone_is_not_sent_to_what_ignores_it(spawn: Any) -> None:
    child = start_catcher(spawn)
    tell(child, "ignore SIGTERM")
    assert told(send_to(child.pid, TERM)) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert taken(child) == []


@pytest.mark.live
def test_a_deadline_never_shortens_a_grace(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGTERM")
    attempt = send_to(child.pid, ending(60.0), deadline=0.2)
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert attempt.detail == f"SIGTERM to {child.pid}; still there at the deadline, SIGKILL not sent"
    assert taken(child) == ["SIGTERM"]


@pytest.mark.live
def test_a_cancelled_attempt_sends_no_second_signal(spawn: Any) -> None:
    child = start_catcher(spawn, "SIGTERM")

    async def give_up() -> None:
        with held(child.pid) as recipients:
            task = asyncio.create_task(run(request_for(ending(60.0), recipients)))
            line = await asyncio.get_running_loop().run_in_executor(None, child.stdout.readline)
            assert line == "SIGTERM\n"
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(give_up())
    assert taken(child) == []


@pytest.mark.live
def test_several_processes_have_their_grace_at_the_same_time(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    send = signal.pidfd_send_signal
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda pidfd, number: (sent.append(number), send(pidfd, number)))
    children = [start_catcher(spawn, "SIGTERM") for _ in range(3)]
    with held(*(child.pid for child in children)) as recipients:
        attempt = asyncio.run(run(request_for(ending(0.3), recipients)))
    assert (told(attempt), attempt.settled) == ((Verdict.RUN, None), True)
    assert sent == [signal.SIGTERM] * 3 + [signal.SIGKILL] * 3
    assert [child.wait(10) for child in children] == [-signal.SIGKILL] * 3


@pytest.mark.live
def test_one_of_several_is_enough_and_all_are_told(spawn: Any) -> None:
    catching, plain = start_catcher(spawn, "SIGUSR1"), start_catcher(spawn)
    with held(plain.pid, catching.pid) as recipients:
        attempt = asyncio.run(run(request_for(USR1, recipients)))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail == (
        f"no SIGUSR1 to {plain.pid}: no handler is installed: the default action would be taken; "
        f"SIGUSR1 to {catching.pid}"
    )
    assert (taken(plain), taken(catching)) == ([], ["SIGUSR1"])


@pytest.mark.parametrize("options", [TERM, ending(1.0), Sending(signal.SIGKILL), Sending(signal.SIGHUP, forced=True)])
@pytest.mark.parametrize("who", ["PID 1", "itself", "its parent"])
def test_what_keeps_us_alive_is_never_ended(monkeypatch: pytest.MonkeyPatch, who: str, options: Sending) -> None:
    sent: list[int] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda *order: sent.append(order[0]))
    pid = {"PID 1": 1, "itself": os.getpid(), "its parent": os.getppid()}[who]
    assert told(send_to(pid, options)) == (Verdict.SUPPRESSED, Reason.PROTECTED)
    assert sent == []
