import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest
from tests.act.processes import field_after_comm, held, identity, is_alive, request_for, start_catcher, taken, tell

from brimwatch.act import gate, send_signal
from brimwatch.act.evidence import Observed
from brimwatch.act.gate import Refusal
from brimwatch.act.request import Recipient, Traits
from brimwatch.act.send_signal import Sending, longest, parse, run
from brimwatch.config.nodes import compose
from brimwatch.model import Attempt, ProcessId, Reason, Verdict
from brimwatch.units import Seconds

USR1 = Sending(signal.SIGUSR1)
TERM = Sending(signal.SIGTERM)


def ending(grace: float) -> Sending:
    return Sending(signal.SIGTERM, then=signal.SIGKILL, grace=Seconds(grace))


def send_to(pid: int, options: Sending, **more: Any) -> Attempt:
    with held(pid) as recipients:
        return asyncio.run(run(request_for(options, recipients, **more)))


def told(attempt: Attempt) -> tuple[Verdict, Reason | None]:
    return attempt.verdict, attempt.reason


# ---------------------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("written", "options", "cooperative", "ends"),
    [
        pytest.param("{signal: SIGUSR1}", USR1, True, False, id="a user's signal asks"),
        pytest.param("{signal: USR1, force: false}", USR1, True, False, id="force is off by itself"),
        pytest.param(
            "{signal: SIGUSR1, force: true}",
            Sending(signal.SIGUSR1, forced=True),
            False,
            False,
            id="a forced signal is not safe to run by hand",
        ),
        pytest.param("{signal: SIGRTMIN+2}", Sending(signal.SIGRTMIN + 2), True, False, id="a real-time signal asks"),
        pytest.param("{signal: SIGTERM}", TERM, False, True, id="SIGTERM ends"),
        pytest.param(
            "{signal: SIGKILL}", Sending(signal.SIGKILL), False, True, id="SIGKILL alone is the user's choice"
        ),
        pytest.param(
            "{signal: SIGHUP}", Sending(signal.SIGHUP), False, True, id="SIGHUP ends what does not say otherwise"
        ),
        pytest.param(
            "{signal: SIGTERM, grace: 5s, then: SIGKILL}", ending(5.0), False, True, id="a second signal after a grace"
        ),
        pytest.param("{signal: SIGTERM, then: SIGKILL}", ending(30.0), False, True, id="the grace is 30 s by itself"),
    ],
)
def test_what_is_read(written: str, options: Sending, cooperative: bool, ends: bool) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) == Traits(options, cooperative=cooperative, ends_process=ends)
    assert root.faults.lines() == ()


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param(
            "{signal: SIGTERM, grace: 5s}",
            "f.yaml:1: grace: found grace alone, wanted `then` with it; it is the time until the second signal",
            id="a grace without a second signal",
        ),
        pytest.param(
            "{signal: SIGUSR1, then: SIGKILL}",
            "f.yaml:1: then: found SIGKILL after SIGUSR1, "
            "wanted `then` only after a signal that ends a process; else the process is always still there",
            id="a second signal after one that does not end",
        ),
        pytest.param(
            "{signal: SIGTERM, then: SIGUSR1}",
            "f.yaml:1: then: found SIGUSR1, wanted a signal that ends a process, such as SIGKILL",
            id="a second signal that does not end",
        ),
        pytest.param(
            "{signal: SIGTERM, then: SIGKILL, grace: 2h}",
            "f.yaml:1: grace: found '2h', wanted at most 30m",
            id="a grace beyond half an hour",
        ),
        pytest.param(
            "{signal: SIGTERM, then: 9}",
            "f.yaml:1: then: found the number '9', "
            "wanted a signal's name, such as SIGUSR1 or SIGTERM; numbers mean other signals on other machines",
            id="a number as second signal",
        ),
        pytest.param(
            "{signal: SIGTERM, force: maybe}",
            "f.yaml:1: force: found 'maybe', wanted true or false",
            id="force is a flag",
        ),
    ],
)
def test_what_is_refused_in_a_file(written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) is None
    assert root.faults.lines() == (fault,)


def test_an_attempt_with_a_second_signal_may_take_longer_than_its_grace() -> None:
    assert longest(ending(30.0)) > 30.0
    assert longest(USR1) < 30.0


# ----------------------------------------------------------------------------------------------------- who gets one


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


# -------------------------------------------------------------------------------------------- gone, at every step


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


# ------------------------------------------------------------------------------------------------- ending a process


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
            task = asyncio.create_task(run(request_for(ending(0.3), recipients)))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.4)

    asyncio.run(give_up())
    assert taken(child) == ["SIGTERM"]


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


# ------------------------------------------------------------------------------------------------ not allowed to


AS_NOBODY = textwrap.dedent(
    """
    import asyncio, json, os, select, selectors, signal, sys
    from tests.act.processes import held, request_for
    from brimwatch.act.send_signal import Sending, run
    pid, number, forced = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "forced"
    with held(pid) as recipients:
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        attempt = asyncio.run(run(request_for(Sending(number, forced=forced), recipients)))
    print(json.dumps([attempt.verdict, attempt.reason]))
    """
)


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another user's place")
@pytest.mark.parametrize(
    ("number", "forced"),
    [
        pytest.param(signal.SIGTERM, "", id="the kernel refuses SIGTERM"),
        pytest.param(signal.SIGUSR1, "forced", id="the kernel refuses SIGUSR1"),
        pytest.param(signal.SIGUSR1, "", id="the runtime may not be looked at"),
    ],
)
def test_another_users_process_is_denied(spawn: Any, number: int, forced: str) -> None:
    child = start_catcher(spawn, "SIGUSR1", "SIGTERM")
    argv = [sys.executable, "-c", AS_NOBODY, str(child.pid), str(int(number)), forced]
    answer = subprocess.run(
        argv, capture_output=True, text=True, timeout=30, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == ["failed", "denied"]
    assert taken(child) == []


@pytest.mark.live
def test_a_hidden_process_is_denied_not_vanished(spawn: Any, tmp_path: Any) -> None:
    child = start_catcher(spawn, "SIGUSR1")
    assert told(send_to(child.pid, USR1, procfs=str(tmp_path))) == (Verdict.FAILED, Reason.DENIED)
    assert taken(child) == []


# ------------------------------------------------------------------------------------------------------- the runtime


@pytest.mark.live
def test_a_signal_that_the_runtime_keeps_is_sent_only_by_force(spawn: Any) -> None:
    child = start_catcher(spawn, "/usr/bin/gunicorn", "SIGUSR1")
    attempt = send_to(child.pid, USR1)
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.RUNTIME_RESERVED)
    assert attempt.detail == f"no SIGUSR1 to {child.pid}: Gunicorn reopens its log files"
    assert told(send_to(child.pid, Sending(signal.SIGUSR1, forced=True))) == (Verdict.RUN, None)
    assert taken(child) == ["SIGUSR1"]


@pytest.mark.live
def test_force_does_not_override_a_missing_handler(spawn: Any) -> None:
    child = start_catcher(spawn)
    attempt = send_to(child.pid, Sending(signal.SIGUSR1, forced=True))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.NO_HANDLER)
    assert taken(child) == []


@pytest.mark.live
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(TimeoutError(), (Verdict.FAILED, Reason.DEADLINE), id="a look that hangs"),
        pytest.param(PermissionError(), (Verdict.FAILED, Reason.DENIED), id="a look that is not allowed"),
        pytest.param(OSError(5, "Input/output error"), (Verdict.FAILED, Reason.ERROR), id="a look that fails"),
    ],
)
def test_an_unknown_runtime_gets_nothing(
    spawn: Any, monkeypatch: pytest.MonkeyPatch, error: OSError, expected: tuple[Verdict, Reason]
) -> None:
    async def fail(*_: Any) -> Observed:
        raise error

    monkeypatch.setattr(send_signal, "observe", fail)
    child = start_catcher(spawn, "SIGUSR1")
    assert told(send_to(child.pid, USR1)) == expected
    assert taken(child) == []


def test_options_of_another_kind_are_an_error() -> None:
    assert told(asyncio.run(run(request_for("nonsense")))) == (Verdict.FAILED, Reason.ERROR)


def test_a_failure_counts_more_than_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter([Refusal(Verdict.SUPPRESSED, Reason.NO_HANDLER, "a"), Refusal(Verdict.FAILED, Reason.DENIED, "b")])
    monkeypatch.setattr(send_signal, "look", lambda *_: next(refusals))
    two = [Recipient(ProcessId(2, 1), -1), Recipient(ProcessId(3, 1), -1)]
    attempt = asyncio.run(run(request_for(USR1, two)))
    assert told(attempt) == (Verdict.FAILED, Reason.DENIED)
    assert attempt.detail == "no SIGUSR1 to 2: a; no SIGUSR1 to 3: b"


def test_many_recipients_are_told_in_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_signal, "look", lambda *_: Refusal(Verdict.SUPPRESSED, Reason.NO_HANDLER, "x"))
    many = [Recipient(ProcessId(pid, 1), -1) for pid in range(2, 22)]
    assert asyncio.run(run(request_for(USR1, many))).detail.endswith("; no SIGUSR1 to 5: x; and 16 more")
