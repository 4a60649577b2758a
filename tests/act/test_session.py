import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.act.commands import attempt_of, no_children, shell, told
from tests.act.processes import is_alive, request_for

from brimwatch.act import run_command, session
from brimwatch.act.exits import exits_within
from brimwatch.act.run_command import run
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


class Family:
    """Runs a script that starts processes; its time is over, or it ends by itself, once all of them are listed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.listed = folder / "pids"
        self.listed.touch()
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(session, "ASK", 0.3)

    def pids(self) -> list[int]:
        return [int(line) for line in self.listed.read_text().split()]

    def run_to_its_end(self, script: str, count: int) -> Attempt:
        until_listed = f'\nwhile [ $(wc -l < "$1") -lt {count} ]; do sleep 0.01; done'
        return attempt_of(shell(script + until_listed, str(self.listed), seconds=60.0))

    def run_into_its_deadline(self, script: str, count: int) -> Attempt:
        async def late(pidfd: int, seconds: float) -> bool:
            while len(self.pids()) < count:
                assert not await exits_within(pidfd, 0.01)
            return False

        self._monkeypatch.setattr(run_command, "exits_within", late)
        return attempt_of(shell(script + "\nwhile :; do sleep 60; done", str(self.listed)))


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Family:
    return Family(tmp_path, monkeypatch)


@pytest.mark.parametrize("script", FAMILIES.values(), ids=FAMILIES.keys())
def test_nothing_of_its_session_is_left_at_its_end(family: Family, script: str) -> None:
    count = script.count(">>")
    assert told(family.run_to_its_end(script, count)) == (Verdict.RUN, None)
    assert [is_alive(pid) for pid in family.pids()] == [False] * count
    assert no_children()


@pytest.mark.parametrize(
    "script",
    [*FAMILIES.values(), DETACHED.format("wait") + " &"],
    ids=[*FAMILIES.keys(), "a descendant with a session of its own"],
)
def test_nothing_of_it_is_left_at_its_deadline(family: Family, script: str) -> None:
    count = script.count(">>")
    assert told(family.run_into_its_deadline(script, count)) == (Verdict.FAILED, Reason.DEADLINE)
    assert [is_alive(pid) for pid in family.pids()] == [False] * count
    assert no_children()


def test_a_daemon_that_a_command_started_on_purpose_lives_on(family: Family) -> None:
    try:
        assert told(family.run_to_its_end(DETACHED.format(":") + " &", 2)) == (Verdict.RUN, None)
        assert is_alive(family.pids()[1])
    finally:
        for pid in filter(is_alive, family.pids()):
            os.kill(pid, signal.SIGKILL)


def test_two_hundred_jobs_are_ended(family: Family) -> None:
    script = 'i=0; while [ $i -lt 200 ]; do sleep 60 & echo $! >> "$1"; i=$((i+1)); done'
    assert told(family.run_to_its_end(script, 200)) == (Verdict.RUN, None)
    assert [is_alive(pid) for pid in family.pids()] == [False] * 200


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
