import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from tests.act.processes import request_for, start_catcher, taken
from tests.act.signalling import USR1, send_to, told

from brimwatch.act import send_signal
from brimwatch.act.evidence import Observed
from brimwatch.act.gate import Refusal
from brimwatch.act.request import Recipient
from brimwatch.act.send_signal import Sending, run
from brimwatch.model import ProcessId, Reason, Verdict

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
