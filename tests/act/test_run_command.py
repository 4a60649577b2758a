import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.act.commands import attempt_of, command, no_children, python, shell, told
from tests.act.processes import held, request_for

from brimwatch.act import session
from brimwatch.act.run_command import Command, run
from brimwatch.model import Attempt, Reason, Verdict

pytestmark = pytest.mark.live


def test_success_is_exit_code_0_with_the_last_line() -> None:
    attempt = attempt_of(shell("echo one; echo two >&2"))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail.startswith("exit code 0 after ")
    assert attempt.detail.endswith(": two")
    assert not attempt.settled
    assert attempt.started <= attempt.ended


@pytest.mark.parametrize(
    ("options", "reason", "detail"),
    [
        pytest.param(shell("echo no luck; exit 3"), Reason.EXIT_CODE, "exit code 3 after ", id="an exit code"),
        pytest.param(shell("kill -SEGV $$"), Reason.EXIT_CODE, "ended by SIGSEGV after ", id="a signal"),
        pytest.param(
            command("/nonexistent/cleanup"),
            Reason.NOT_FOUND,
            "/nonexistent/cleanup: no such program",
            id="a missing program",
        ),
        pytest.param(
            command("/etc/passwd"),
            Reason.DENIED,
            "/etc/passwd: this user may not execute it",
            id="a file that is no program",
        ),
        pytest.param(command("/etc"), Reason.DENIED, "/etc: this user may not execute it", id="a directory"),
        pytest.param(command("/bin/sh", "a\0b"), Reason.ERROR, "/bin/sh: embedded null byte", id="a NUL byte"),
        pytest.param(
            command("/bin/true", *["x" * 100_000] * 40),
            Reason.ERROR,
            "/bin/true: [Errno 7] Argument list too long",
            id="too many arguments",
        ),
        pytest.param("nonsense", Reason.ERROR, "not the options of a command", id="options of another kind"),
    ],
)
def test_failures(options: Command, reason: Reason, detail: str) -> None:
    attempt = attempt_of(options)
    assert told(attempt) == (Verdict.FAILED, reason)
    assert attempt.detail.startswith(detail)
    assert no_children()


@pytest.mark.parametrize(
    ("content", "mode", "reason", "detail"),
    [
        pytest.param(
            "#!/nonexistent/python\n", 0o755, Reason.NOT_FOUND, "its interpreter is missing", id="a missing interpreter"
        ),
        pytest.param(
            "echo hello\n",
            0o755,
            Reason.ERROR,
            "not a program; a script begins with #!",
            id="a script without its first line",
        ),
        pytest.param(
            "#!/bin/sh\n", 0o644, Reason.DENIED, "this user may not execute it", id="no permission to execute"
        ),
        pytest.param(
            "#!/bin/sh\n",
            0o757,
            Reason.DENIED,
            "not run as root",
            id="a program that everyone may replace",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses that"),
        ),
    ],
)
def test_programs_that_cannot_be_run(tmp_path: Path, content: str, mode: int, reason: Reason, detail: str) -> None:
    program = tmp_path / "cleanup"
    program.write_text(content)
    program.chmod(mode)
    attempt = attempt_of(command(str(program)))
    assert told(attempt) == (Verdict.FAILED, reason)
    assert attempt.detail.endswith(detail)


def test_without_a_recipient_it_runs_for_the_target() -> None:
    attempt = attempt_of(python("import os, sys; print(sys.argv[1:], 'BRIMWATCH_PID' in os.environ)", "{pid}"))
    assert attempt.detail.endswith(": [''] False")


def test_a_recipient_that_is_gone_is_vanished(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    with held(child.pid) as recipients:
        child.kill()
        child.wait()
        attempt = attempt_of(command("/bin/true"), recipients=recipients)
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.VANISHED)


def test_no_descriptor_and_no_thread_is_left() -> None:
    attempt_of(command("/bin/true"))
    before = sorted(os.listdir("/proc/self/fd"))

    async def run_often() -> None:
        for _ in range(30):
            await asyncio.gather(*(run(request_for(command("/bin/true"), kind="exec")) for _ in range(2)))

    asyncio.run(run_often())
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert no_children()
    with open("/proc/self/status") as stream:
        assert next(int(line.split()[1]) for line in stream if line.startswith("Threads")) < 8


def test_a_command_without_a_free_descriptor_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", none_left)
    attempt = attempt_of(command("/bin/sleep", "60"))
    assert told(attempt) == (Verdict.FAILED, Reason.ERROR)
    assert no_children()


def test_a_command_that_does_not_end_is_reaped_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An uninterruptible sleep cannot be made here: signals that are not sent stand for it."""
    sent = session.Session._signal
    monkeypatch.setattr(session, "ASK", 0.1)
    monkeypatch.setattr(session, "INSIST", 0.1)

    async def outlive() -> Attempt:
        monkeypatch.setattr(session.Session, "_signal", lambda *_: None)
        attempt = await run(request_for(command("/bin/sleep", "60", seconds=0.2), kind="exec"))
        monkeypatch.setattr(session.Session, "_signal", sent)
        os.kill(only_child(), signal.SIGKILL)
        end = time.monotonic() + 10
        while not no_children() and time.monotonic() < end:
            await asyncio.sleep(0.005)
        return attempt

    attempt = asyncio.run(outlive())
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert "and does not end" in attempt.detail
    assert no_children()


def only_child() -> int:
    (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return int(child)
