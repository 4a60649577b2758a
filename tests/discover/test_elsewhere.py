"""Which agents does a listing of the run directories not show? Abstract ones, and those of users and containers."""

import os
import socket
import threading
from pathlib import Path
from typing import Any

from tests.act.processes import identity

from brimwatch.agent.dial import Ground
from brimwatch.agent.peer import look_up
from brimwatch.discover import elsewhere
from brimwatch.discover.agents import Agents
from brimwatch.discover.elsewhere import STUCK, Elsewhere
from brimwatch.model import ProcessId

NOBODY: frozenset[ProcessId] = frozenset()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def found(one: Elsewhere, clock: Clock, *processes: ProcessId) -> frozenset[ProcessId]:
    """What a whole look finds."""
    clock.now += 5
    one.look(lambda: processes)
    one.wait(10)
    return one.look(lambda: processes)


def test_an_abstract_address_is_found_and_gone_again(tmp_path: Path, spawn: Any) -> None:
    me, other = identity(os.getpid()), identity(spawn(["sleep", "60"]).pid)
    clock = Clock()
    one = Elsewhere(Ground("/proc", str(tmp_path)), clock=clock)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(look_up("/proc", me).abstract)
        listener.listen()
        assert found(one, clock, me, other) == {me}
    assert found(one, clock, me, other) == NOBODY


def test_a_name_that_another_process_took_is_not_believed(tmp_path: Path, spawn: Any) -> None:
    other, clock = identity(spawn(["sleep", "60"]).pid), Clock()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(look_up("/proc", other).abstract)
        listener.listen()
        assert found(Elsewhere(Ground("/proc", str(tmp_path)), clock=clock), clock, other) == NOBODY


def test_the_places_of_every_user_are_known_after_a_look(tmp_path: Path) -> None:
    clock = Clock()
    one = Elsewhere(Ground("/proc", str(tmp_path)), clock=clock)
    assert one.directories == ()
    found(one, clock, identity(os.getpid()))
    assert f"/tmp/brimwatch-{os.geteuid()}" in one.directories
    agents = Agents((str(tmp_path),), elsewhere=one)
    agents.list()
    assert agents.denied == 0


def test_a_look_that_hangs_holds_nobody_up_and_is_avoided(tmp_path: Path, monkeypatch: Any) -> None:
    """A container whose file system never answers."""
    hung, release = threading.Event(), threading.Event()
    view = ("/", "mnt:[1]")
    me, clock = identity(os.getpid()), Clock()

    def never(*_: object) -> int:
        hung.set()
        release.wait(30)
        raise OSError("gone")

    ours = elsewhere.view_of("/proc/self")
    monkeypatch.setattr(elsewhere, "view_of", lambda path: ours if path == "/proc/self" else view)
    monkeypatch.setattr(elsewhere, "open_root", never)
    one = Elsewhere(Ground("/proc", str(tmp_path)), clock=clock)
    assert one.look(lambda: [me]) == NOBODY
    assert hung.wait(10)
    clock.now += STUCK - 1
    assert one.look(lambda: [me]) == NOBODY
    clock.now += 2
    assert one.look(lambda: [me]) == NOBODY  # another thread, which leaves that container alone
    one.wait(10)
    assert one._thread is not None
    assert not one._thread.is_alive()
    release.set()
