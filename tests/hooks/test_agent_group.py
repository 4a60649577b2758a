"""May a daemon that is not root ask an agent? Where root has given the run directory to its group, and nowhere else."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.speaking import Target, ask

from brimwatch.hooks.place import group_that_may_ask

Start = Callable[..., Target]

ASKER, GROUP, OTHERS = 12321, 12322, 12323

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="becoming other users needs root")]

ASK = """
import contextlib, os, socket, sys
uid, gid, address = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.setgroups([]); os.setgid(gid); os.setuid(uid)
client = socket.socket(socket.AF_UNIX)
client.settimeout(10)
try:
    client.connect(address)
    with contextlib.suppress(BrokenPipeError):  # refused before it was asked
        client.sendall(b'GET /v1/stats HTTP/1.1\\r\\nHost: agent\\r\\n\\r\\n')
    print(client.recv(4096).split(b' ')[1].decode())
except PermissionError:
    print('denied')
"""


@pytest.fixture
def run_dir() -> Iterator[str]:
    """A directory that other users can reach, unlike pytest's own."""
    folder = tempfile.mkdtemp(prefix="brimwatch-test-")
    Path(folder).chmod(0o755)
    yield f"{folder}/run"
    shutil.rmtree(folder)


def given(run_dir: str, uid: int, gid: int, mode: int) -> None:
    os.mkdir(run_dir)
    os.chown(run_dir, uid, gid)
    os.chmod(run_dir, mode)


def asked_by(spawn: Any, uid: int, gid: int, address: str) -> str:
    other = spawn([sys.executable, "-I", "-c", ASK, str(uid), str(gid), address], stdout=-1, text=True)
    return str(other.communicate(timeout=20)[0].strip())


@pytest.mark.parametrize(
    ("owner", "group", "mode", "answer", "socket_mode"),
    [
        pytest.param(0, GROUP, 0o3777, "200", 0o660, id="a directory that root gave to the group lets it ask"),
        pytest.param(0, GROUP, 0o1777, "denied", 0o600, id="one that merely belongs to the group does not"),
        pytest.param(0, 0, 0o3777, "denied", 0o600, id="one of root's group lets nobody else ask"),
        pytest.param(0, 65534, 0o3777, "denied", 0o600, id="a group that is not mapped here is nobody's"),
    ],
)
def test_who_may_ask(
    start: Start, spawn: Any, run_dir: str, owner: int, group: int, mode: int, answer: str, socket_mode: int
) -> None:
    given(run_dir, owner, group, mode)
    target = start()
    address = target.address()
    assert stat.S_IMODE(os.stat(address).st_mode) == socket_mode
    assert asked_by(spawn, ASKER, GROUP, address) == answer
    assert asked_by(spawn, ASKER, OTHERS, address) == "denied"
    assert ask(address, "GET", "/v1/stats").body["pid"] == target.pid


def test_the_user_of_a_target_cannot_let_others_ask(run_dir: str) -> None:
    given(run_dir, ASKER, GROUP, 0o3777)
    assert group_that_may_ask(os.stat(run_dir)) is None
    os.chown(run_dir, 0, GROUP)
    os.chmod(run_dir, 0o3777)  # giving it away took the bit
    assert group_that_may_ask(os.stat(run_dir)) == GROUP


def test_a_group_that_may_open_the_socket_is_asked_who_it_is(start: Start, spawn: Any, run_dir: str) -> None:
    given(run_dir, 0, GROUP, 0o3777)
    address = start().address()
    os.chmod(address, 0o666)  # by mistake
    assert asked_by(spawn, ASKER, OTHERS, address) == "403"
    assert asked_by(spawn, ASKER, GROUP, address) == "200"
