"""Who is believed to be an agent? Only the process that was looked for, whatever lies in its place."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import identity
from tests.agent.answering import answer, listening, me, name_of, saying

from brimwatch.agent.dial import Ground, dial
from brimwatch.agent.fault import AgentFault
from brimwatch.agent.peer import look_up
from brimwatch.model import ProcessId, Reason

SPEAK = saying(answer({"pid": 1, "rss_bytes": 2}))


def reach(run_dir: Path, process: ProcessId) -> None:
    dial(Ground("/proc", str(run_dir)), look_up("/proc", process), inside=False).close()


def refused(run_dir: Path, process: ProcessId) -> tuple[Reason, str]:
    with pytest.raises(AgentFault) as caught:
        reach(run_dir, process)
    return caught.value.reason, caught.value.detail


@pytest.fixture
def other(spawn: Any) -> ProcessId:
    """A process that has no agent."""
    child = spawn(["sleep", "60"])
    return identity(child.pid)


def test_a_process_is_reached_by_its_socket(tmp_path: Path) -> None:
    with listening(tmp_path / "run", SPEAK):
        reach(tmp_path / "run", me())


def test_a_name_without_a_start_time_will_do(tmp_path: Path) -> None:
    with listening(tmp_path / "run", SPEAK) as path:
        os.rename(path, tmp_path / "run" / f"{me().pid}.sock")
        reach(tmp_path / "run", me())


def test_an_abstract_address_is_found(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(look_up("/proc", me()).abstract)
        listener.listen()
        reach(tmp_path / "run", me())


def test_nobody_listens(tmp_path: Path, other: ProcessId) -> None:
    assert refused(tmp_path / "run", other) == (Reason.NO_AGENT, f"nobody listens for process {other.pid}")


def test_what_a_killed_process_left_is_nobody(tmp_path: Path, other: ProcessId) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(tmp_path / "run" / name_of(other)))
    assert refused(tmp_path / "run", other)[0] is Reason.NO_AGENT


def test_another_process_in_its_place_is_refused(tmp_path: Path, other: ProcessId) -> None:
    with listening(tmp_path / "run", SPEAK, other):
        reason, detail = refused(tmp_path / "run", other)
    assert (reason, detail) == (Reason.DENIED, f"process {os.getpid()} listens in the place of process {other.pid}")


def test_another_process_at_its_abstract_address_is_refused(tmp_path: Path, other: ProcessId) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(look_up("/proc", other).abstract)
        listener.listen()
        assert refused(tmp_path / "run", other)[0] is Reason.DENIED


def test_a_link_to_another_service_is_refused_though_it_would_answer(tmp_path: Path, other: ProcessId) -> None:
    with listening(tmp_path / "services", SPEAK) as service:
        (tmp_path / "run").mkdir()
        os.symlink(service, tmp_path / "run" / name_of(other))
        reason, detail = refused(tmp_path / "run", other)
    assert reason is Reason.DENIED
    assert detail.endswith(f"{name_of(other)} is a symbolic link, and no agent's")


def test_a_link_to_its_own_socket_is_refused_as_well(tmp_path: Path) -> None:
    with listening(tmp_path / "elsewhere", SPEAK) as path:
        (tmp_path / "run").mkdir()
        os.symlink(path, tmp_path / "run" / name_of(me()))
        assert refused(tmp_path / "run", me())[0] is Reason.DENIED


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: Path(path).write_text("")])
def test_what_is_no_socket_is_refused(tmp_path: Path, other: ProcessId, make: Any) -> None:
    (tmp_path / "run").mkdir()
    make(tmp_path / "run" / name_of(other))
    assert refused(tmp_path / "run", other)[0] is Reason.DENIED


def test_a_directory_in_which_all_may_rename_is_not_trusted(tmp_path: Path) -> None:
    with listening(tmp_path / "run", SPEAK):
        (tmp_path / "run").chmod(0o777)
        reason, detail = refused(tmp_path / "run", me())
        assert (reason, "others can replace" in detail) == (Reason.DENIED, True)
        (tmp_path / "run").chmod(0o1777)
        reach(tmp_path / "run", me())


def test_a_crowd_before_it_is_busy(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "run" / name_of(me())))
        listener.listen(0)
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(str(tmp_path / "run" / name_of(me())))
        assert refused(tmp_path / "run", me())[0] is Reason.BUSY
    for one in crowd:
        one.close()


def test_a_run_directory_may_be_a_link_of_who_configured_it(tmp_path: Path) -> None:
    with listening(tmp_path / "run", SPEAK):
        (tmp_path / "link").symlink_to(tmp_path / "run")
        reach(tmp_path / "link", me())


def test_a_process_that_may_not_be_looked_at_is_denied(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text("nonsense")
    with pytest.raises(AgentFault) as caught:
        look_up(str(tmp_path), ProcessId(7, 1))
    assert caught.value.reason is Reason.DENIED
