import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import held, is_alive, request_for

from brimwatch.act import session
from brimwatch.act.request import Recipient, Request, Traits
from brimwatch.act.run_command import Command, environment, longest, parse, run
from brimwatch.config.nodes import compose
from brimwatch.model import Attempt, ProcessId, Reason, Verdict
from brimwatch.units import Seconds

pytestmark = pytest.mark.live


def command(*arguments: str, seconds: float = 20.0) -> Command:
    return Command(arguments, Seconds(seconds))


def python(code: str, *arguments: str, seconds: float = 20.0) -> Command:
    return command(sys.executable, "-c", code, *arguments, seconds=seconds)


def shell(script: str, *arguments: str, seconds: float = 20.0) -> Command:
    return command("/bin/sh", "-c", script, "sh", *arguments, seconds=seconds)


def attempt_of(options: Command, **more: Any) -> Attempt:
    return asyncio.run(run(request_for(options, kind="exec", **more)))


def told(attempt: Attempt) -> tuple[Verdict, Reason | None]:
    return attempt.verdict, attempt.reason


# ---------------------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("written", "options"),
    [
        pytest.param(
            "{exec: [/usr/local/bin/cleanup, '{pid}']}",
            Command(("/usr/local/bin/cleanup", "{pid}")),
            id="the usual form",
        ),
        pytest.param("{exec: [/bin/x], timeout: 1m}", Command(("/bin/x",), Seconds(60.0)), id="with a timeout"),
        pytest.param(
            "{exec: [/bin/x, '--of={target}/{tier}', '{needed_bytes}']}",
            Command(("/bin/x", "--of={target}/{tier}", "{needed_bytes}")),
            id="placeholders inside arguments",
        ),
        pytest.param("{exec: [/bin/x, '10']}", Command(("/bin/x", "10")), id="a number in quotes is a text"),
    ],
)
def test_what_is_read(written: str, options: Command) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) == Traits(options)
    assert root.faults.lines() == ()


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param("{exec: /bin/x}", "exec: found '/bin/x', wanted a list", id="a line for a shell"),
        pytest.param(
            "{exec: []}", "exec: found an empty list, wanted a program and its arguments", id="nothing to run"
        ),
        pytest.param(
            "{exec: [cleanup]}",
            "exec[0]: found 'cleanup', wanted the absolute path of a program; "
            "nothing is searched for, and no shell is asked",
            id="a program to be searched for",
        ),
        pytest.param(
            "{exec: [./cleanup]}",
            "exec[0]: found './cleanup', wanted the absolute path of a program; "
            "nothing is searched for, and no shell is asked",
            id="a path from somewhere",
        ),
        pytest.param(
            "{exec: ['/bin/{tier}']}",
            "exec[0]: found '/bin/{tier}', wanted a program's path without placeholders",
            id="a program that depends on the target",
        ),
        pytest.param(
            "{exec: [/bin/x, '{user}']}",
            "exec[1]: found '{user}', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="an unknown placeholder",
        ),
        pytest.param(
            "{exec: [/bin/x, '{pid']}",
            "exec[1]: found '{pid', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="half a placeholder",
        ),
        pytest.param(
            "{exec: [/bin/x, '{pid!r}']}",
            "exec[1]: found '{pid!r}', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="a format string",
        ),
        pytest.param(
            "{exec: [/bin/x, '{{pid}}']}",
            "exec[1]: found '{{pid}}', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="doubled braces",
        ),
        pytest.param(
            "{exec: [/bin/x, 10]}",
            "exec[1]: found the number '10', wanted a text; put it in quotes if it is meant",
            id="a number without quotes",
        ),
        pytest.param(
            "{exec: [/bin/x], timeout: 0s}", "timeout: found '0s', wanted between 100ms and 30m", id="no time at all"
        ),
        pytest.param(
            "{exec: [/bin/x], timeout: 1h}", "timeout: found '1h', wanted between 100ms and 30m", id="too much time"
        ),
    ],
)
def test_what_is_refused_in_a_file(written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) is None
    assert root.faults.lines() == (f"f.yaml:1: {fault}",)


def test_an_attempt_may_take_longer_than_its_timeout() -> None:
    assert longest(command("/bin/x", seconds=10.0)) == 10.0 + session.ASK + session.INSIST


# ---------------------------------------------------------------------------------------------------------- answers


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


def no_children() -> bool:
    """No child of ours is left, not even a zombie."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


# ------------------------------------------------------------------------------------------------- what it is given


def test_it_gets_arguments_as_they_are_and_no_shell(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    show = "import sys; print(sys.argv[1:])"
    options = python(show, "{pid}", "x{target}x", "{tier}", "{needed_bytes}", "$HOME `id` * ; |")
    with held(child.pid) as recipients:
        attempt = attempt_of(options, recipients=recipients, needed=5000, target="{pid} $(id)")
    expected = [str(child.pid), "x{pid} $(id)x", "critical", "5000", "$HOME `id` * ; |"]
    assert attempt.detail.endswith(f": {expected!r}")


def test_an_unknown_need_is_an_empty_argument() -> None:
    assert attempt_of(python("import sys; print(sys.argv[1:])", "{needed_bytes}")).detail.endswith(": ['']")


def test_a_name_that_would_be_an_option_is_refused() -> None:
    attempt = attempt_of(python("pass", "{target}"), target="--delete=/")
    assert told(attempt) == (Verdict.FAILED, Reason.ERROR)
    assert attempt.detail == "--delete=/ in place of {target} would be read as an option"


def test_its_surroundings_are_its_own() -> None:
    code = """
import os, signal, sys
print(*sorted(map(int, os.listdir('/proc/self/fd')))[:-1], end=' | ')
print(os.getcwd(), os.getsid(0) == os.getpid() == os.getpgrp(), end=' | ')
print(os.readlink('/proc/self/fd/0'), signal.pthread_sigmask(signal.SIG_BLOCK, []), end=' | ')
ignored = next(int(line.split()[1], 16) for line in open('/proc/self/status') if line.startswith('SigIgn'))
print([number for number in range(1, 65) if ignored >> number - 1 & 1])
"""
    leaked = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGUSR2)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        # Python itself ignores SIGPIPE (13) and SIGXFSZ (25), glibc in posix_spawn its own 32 and 33.
        attempt = attempt_of(command(sys.executable, "-I", "-S", "-c", code))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(leaked)
    shown, _, ignored = attempt.detail.partition(": ")[2].rpartition(" | ")
    assert shown == "0 1 2 | / True | /dev/null set()"
    assert set(eval(ignored)) - {32, 33} == {signal.SIGPIPE, signal.SIGXFSZ}


def test_our_own_directory_stays_what_it_was() -> None:
    before = os.getcwd()
    attempt_of(command("/bin/true"))
    assert os.getcwd() == before


@pytest.mark.parametrize("ours", [pytest.param(500, id="a daemon that dies first")])
def test_the_kernels_mercy_is_not_inherited(ours: int, tmp_path: Path) -> None:
    """As root without CAP_SYS_RESOURCE nothing below 0 can be set: a fake own value stands for the protected daemon."""
    from brimwatch.act.spawn import _unprotect

    child = subprocess.Popen(["sleep", "60"])
    try:
        for pid in ("self", str(child.pid)):
            (tmp_path / pid).mkdir()
            (tmp_path / pid / "oom_score_adj").write_text("-900\n")
        _unprotect(child.pid, str(tmp_path))
        assert (tmp_path / str(child.pid) / "oom_score_adj").read_text() == "0"
        (tmp_path / "self" / "oom_score_adj").write_text(f"{ours}\n")
        (tmp_path / str(child.pid) / "oom_score_adj").write_text(f"{ours}\n")
        _unprotect(child.pid, str(tmp_path))
        assert (tmp_path / str(child.pid) / "oom_score_adj").read_text() == f"{ours}\n"
    finally:
        child.kill()
        child.wait()


def test_its_environment_is_what_we_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    monkeypatch.setenv("HOME", "/home/brim")
    written = tmp_path / "environment"
    code = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ)))"
    facts = {"rss_bytes": "123", "SWAP_BYTES": "0", "MEMBER": "", "BAD NAME": "x", "PATH=": "x", "TARGET": "forged"}
    recipients = (Recipient(ProcessId(1, 1), os.pidfd_open(1), "co\nmm"), Recipient(ProcessId(77, 1), -1))
    try:
        attempt = attempt_of(
            python(code, str(written)),
            recipients=recipients,
            facts=facts,
            needed=9,
            because="rss 5 at 4",
            target="shop",
        )
    finally:
        os.close(recipients[0].pidfd)
    assert told(attempt) == (Verdict.RUN, None)
    found = eval(written.read_text())
    found.pop("LC_CTYPE", None)  # Python sets it for itself where LANG is C
    assert found == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/home/brim",
        "BRIMWATCH_TARGET": "shop",
        "BRIMWATCH_TIER": "critical",
        "BRIMWATCH_ACTION": "act",
        "BRIMWATCH_REASON": "rss 5 at 4",
        "BRIMWATCH_SEVERITY": "0.000",
        "BRIMWATCH_PID": "1",
        "BRIMWATCH_PIDS": "1 77",
        "BRIMWATCH_COMM": "co?mm",
        "BRIMWATCH_NEEDED_BYTES": "9",
        "BRIMWATCH_RSS_BYTES": "123",
        "BRIMWATCH_SWAP_BYTES": "0",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("$(touch /tmp/x); `id` && rm", "$(touch /tmp/x); `id` && rm", id="a shell's words are only text"),
        pytest.param("a\nLD_PRELOAD=/tmp/x.so", "a?LD_PRELOAD=/tmp/x.so", id="a line break makes no second variable"),
        pytest.param("a\0b", "a?b", id="a NUL byte ends nothing"),
        pytest.param("\udcff\x1b]0;x\x07", "??]0;x?", id="what is no text becomes question marks"),
        pytest.param("x" * 5000, "x" * 1021 + "...", id="a long name is cut"),
    ],
)
def test_a_hostile_name_is_harmless(name: str, expected: str) -> None:
    assert environment(request_for(None, target=name))["BRIMWATCH_TARGET"] == expected
    shown = attempt_of(shell('printf "%s" "$BRIMWATCH_TARGET" | wc -c'), target=name)
    assert shown.detail.endswith(f": {len(expected)}")


def test_a_hostile_flood_of_facts_is_bounded() -> None:
    request: Request = request_for(None, facts={f"F{number}": "v" * 9999 for number in range(500)})
    variables = environment(request)
    assert sum(len(name) + len(value) for name, value in variables.items()) < 100_000


# ----------------------------------------------------------------------------------------------------- time and end


def test_a_command_beyond_its_timeout_is_ended() -> None:
    attempt = attempt_of(shell("echo working; exec sleep 60", seconds=0.3))
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert attempt.detail.startswith("still running after 3")
    assert attempt.detail.endswith(", ended: working")
    assert no_children()


def test_the_requests_deadline_counts_as_well() -> None:
    attempt = attempt_of(shell("exec sleep 60", seconds=60.0), deadline=0.2)
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert no_children()


def test_a_command_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ASK", 0.2)
    attempt = attempt_of(shell("trap '' TERM; while :; do sleep 0.05; done", seconds=0.3))
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert no_children()


def test_a_command_that_stops_itself_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ASK", 0.2)
    attempt = attempt_of(shell("kill -STOP $$", seconds=0.3))
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert no_children()


# Each writes the PIDs of what it started into the file that is its first argument.
FAMILIES = {
    "a child and a grandchild": 'sh -c \'echo $$ >> "$0"; sleep 60 & echo $! >> "$0"; wait\' "$1" &',
    "a job in its own process group": 'set -m; sleep 60 & echo $! >> "$1"; :',
    "a job that ignores SIGTERM": 'sh -c \'trap "" TERM; echo $$ >> "$0"; while :; do sleep 0.05; done\' "$1" &',
    "a job that lost its parent": '( ( sleep 60 & echo $! >> "$1" ) & ) ;',
}
DETACHED = 'setsid sh -c \'echo $$ >> "$0"; sleep 60 & echo $! >> "$0"; {}\' "$1" >/dev/null 2>&1'


def started_by(
    options: Command, listed: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Attempt, list[int]]:
    monkeypatch.setattr(session, "ASK", 0.3)
    attempt = attempt_of(options)
    pids = [int(line) for line in listed.read_text().split()]
    assert len(pids) == count
    return attempt, pids


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.8, (Verdict.FAILED, Reason.DEADLINE), id="at the deadline"),
        pytest.param(20.0, (Verdict.RUN, None), id="at its end"),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_of_its_session_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, seconds: float, expected: tuple[Verdict, Reason]
) -> None:
    listed, count = tmp_path / "pids", 2 if "grandchild" in family else 1
    listed.touch()
    until_listed = f'\nwhile [ $(wc -l < "$1") -lt {count} ]; do sleep 0.01; done\n'
    script = FAMILIES[family] + until_listed + ("sleep 60" if seconds < 1 else "")
    attempt, pids = started_by(shell(script, str(listed), seconds=seconds), listed, count, monkeypatch)
    assert told(attempt) == expected, attempt.detail
    assert [pid for pid in pids if is_alive(pid)] == []
    assert no_children()


def test_a_descendant_with_a_session_of_its_own_is_ended_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "pids"
    attempt, pids = started_by(shell(DETACHED.format("wait") + "; :", str(listed), seconds=0.8), listed, 2, monkeypatch)
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert [pid for pid in pids if is_alive(pid)] == []


def test_a_daemon_that_a_command_started_on_purpose_lives_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "pids"
    listed.touch()
    script = DETACHED.format(":") + ' &\nwhile [ $(wc -l < "$1") -lt 2 ]; do sleep 0.01; done'
    attempt, pids = started_by(shell(script, str(listed)), listed, 2, monkeypatch)
    try:
        assert told(attempt) == (Verdict.RUN, None)
        assert [is_alive(pid) for pid in pids[1:]] == [True]
    finally:
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGKILL)


def test_two_hundred_jobs_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "pids"
    script = 'i=0; while [ $i -lt 200 ]; do sleep 60 & echo $! >> "$1"; i=$((i+1)); done'
    attempt, pids = started_by(shell(script, str(listed)), listed, 200, monkeypatch)
    assert told(attempt) == (Verdict.RUN, None)
    assert [pid for pid in pids if is_alive(pid)] == []


def test_a_cancelled_attempt_leaves_nothing(tmp_path: Path, wait_until: Any) -> None:
    listed = tmp_path / "pids"

    async def give_up() -> None:
        options = shell(FAMILIES["a child and a grandchild"] + "\nwait", str(listed))
        task = asyncio.create_task(run(request_for(options, kind="exec")))
        while not listed.exists() or len(listed.read_text().split()) < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    before = sorted(os.listdir("/proc/self/fd"))
    asyncio.run(give_up())
    wait_until(lambda: not any(is_alive(int(pid)) for pid in listed.read_text().split()))
    assert no_children()
    assert sorted(os.listdir("/proc/self/fd")) == before


# ----------------------------------------------------------------------------------------------------------- output


def test_a_flood_of_output_is_read_and_dropped() -> None:
    """A gigabyte of `y` would fill memory, or stop the command at a full pipe."""
    before = peak_rss()
    attempt = attempt_of(shell("yes | head -c 1000000000; echo; echo done", seconds=60.0))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail.endswith(": done")
    assert peak_rss() - before < 20_000_000


def test_an_endless_flood_ends_with_its_time_and_leaves_the_loop_to_others() -> None:
    async def flood() -> tuple[Attempt, int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        counting = asyncio.create_task(count())
        attempt = await run(request_for(command("/usr/bin/yes", seconds=1.0), kind="exec"))
        counting.cancel()
        return attempt, turns

    attempt, turns = asyncio.run(flood())
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert attempt.detail.endswith(", ended: y")
    assert turns > 20


def peak_rss() -> int:
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) * 1024 for line in stream if line.startswith("VmHWM"))


# --------------------------------------------------------------------------------------------- recipients, and none


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
