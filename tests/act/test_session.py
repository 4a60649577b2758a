import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.act.commands import attempt_of, no_children, shell, told
from tests.act.processes import is_alive, request_for

from brimwatch.act import session
from brimwatch.act.run_command import Command, run
from brimwatch.model import Attempt, Reason, Verdict

pytestmark = pytest.mark.live


def test_a_command_beyond_its_timeout_is_ended() -> None:
    attempt = attempt_of(shell("echo working; exec sleep 60", seconds=0.3))
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert re.fullmatch(r"still running after \S+, ended: working", attempt.detail)
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
