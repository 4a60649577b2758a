import asyncio
import os
import signal
from typing import Any

import pytest
from tests.act.processes import held

from brimwatch.act.exits import exited, exits_within, wait_status

pytestmark = pytest.mark.live


def test_a_process_has_exited_when_it_is_a_zombie_and_when_it_is_reaped(spawn: Any, wait_until: Any) -> None:
    child = spawn(["sleep", "60"])
    with held(child.pid) as (recipient,):
        assert not exited(recipient.pidfd)
        child.kill()
        assert exited(recipient.pidfd, 10_000)
        child.wait()
        assert exited(recipient.pidfd)


def test_no_descriptor_stands_for_gone() -> None:
    assert exited(-1)
    assert asyncio.run(exits_within(-1, 0.0))


def test_how_it_ended_is_known_once_it_is_reaped(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    with held(child.pid) as (recipient,):
        assert wait_status(recipient.pidfd) is None
        child.kill()
        child.wait()
        if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 15):
            assert wait_status(recipient.pidfd) is None
        else:
            assert wait_status(recipient.pidfd) == signal.SIGKILL
    assert wait_status(-1) is None


def test_waiting_ends_with_the_exit(spawn: Any) -> None:
    child = spawn(["sleep", "60"])

    async def wait() -> bool:
        asyncio.get_running_loop().call_soon(child.kill)
        return await exits_within(recipient.pidfd, 60.0)

    with held(child.pid) as (recipient,):
        assert asyncio.run(wait())


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.05])
def test_waiting_ends_with_its_time(spawn: Any, seconds: float) -> None:
    with held(spawn(["sleep", "60"]).pid) as (recipient,):
        before = sorted(os.listdir("/proc/self/fd"))
        assert not asyncio.run(exits_within(recipient.pidfd, seconds))
        assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_callers_own_reader_stays(spawn: Any) -> None:
    """A loop has one reader for each descriptor: a second one would take the place of the first, and remove it."""
    child = spawn(["sleep", "60"])

    async def wait_twice() -> bool:
        told = asyncio.Event()
        asyncio.get_running_loop().add_reader(recipient.pidfd, told.set)
        assert not await exits_within(recipient.pidfd, 0.02)
        child.send_signal(signal.SIGKILL)
        async with asyncio.timeout(10):
            await told.wait()
        return asyncio.get_running_loop().remove_reader(recipient.pidfd)

    with held(child.pid) as (recipient,):
        assert asyncio.run(wait_twice())


def test_without_a_free_descriptor_it_asks_again_and_again(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: int) -> int:
        raise OSError(24, "Too many open files")

    child = spawn(["sleep", "60"])
    monkeypatch.setattr(os, "dup", none_left)
    with held(child.pid) as (recipient,):
        assert not asyncio.run(exits_within(recipient.pidfd, 0.02))
        child.kill()
        assert asyncio.run(exits_within(recipient.pidfd, 60.0))


def test_a_cancelled_wait_leaves_nothing(spawn: Any) -> None:
    async def give_up() -> None:
        task = asyncio.create_task(exits_within(recipient.pidfd, 60.0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with held(spawn(["sleep", "60"]).pid) as (recipient,):
        before = sorted(os.listdir("/proc/self/fd"))
        asyncio.run(give_up())
        assert sorted(os.listdir("/proc/self/fd")) == before
