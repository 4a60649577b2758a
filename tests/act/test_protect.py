import os
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import identity

from brimwatch.act.protect import protected
from brimwatch.model import ProcessId, Reason

STAT = (
    "{pid} (x) {state} {ppid} 7 7 0 -1 {flags} 1 0 0 0 1 1 0 0 20 0 1 0 500 9000 100 18446744073709551615 1 2 3"
    + 24 * " 0"
)


def grow(tmp_path: Path, *rows: tuple[int, int, int, str], own: int = 40) -> str:
    """A process table: (pid, parent, flags, state)."""
    for pid, ppid, flags, state in rows:
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(STAT.format(pid=pid, ppid=ppid, flags=flags, state=state))
    (tmp_path / "self").symlink_to(str(own))
    return str(tmp_path)


USER, KERNEL = 0x00400000, 0x00200040
TREE = (
    (1, 0, USER, "S"),
    (20, 1, USER, "S"),
    (30, 20, USER, "S"),
    (40, 30, USER, "R"),
    (50, 40, USER, "S"),
    (60, 20, USER, "S"),
    (2, 0, KERNEL, "S"),
    (70, 2, KERNEL, "I"),
    (80, 60, USER, "Z"),
)


@pytest.mark.parametrize(
    ("pid", "expected"),
    [
        pytest.param(1, Reason.PROTECTED, id="PID 1"),
        pytest.param(40, Reason.PROTECTED, id="this process"),
        pytest.param(30, Reason.PROTECTED, id="its parent"),
        pytest.param(20, Reason.PROTECTED, id="its parent's parent"),
        pytest.param(70, Reason.PROTECTED, id="a kernel thread"),
        pytest.param(50, None, id="its child"),
        pytest.param(60, None, id="its parent's sibling"),
        pytest.param(80, None, id="a zombie"),
    ],
)
def test_who_is_protected(tmp_path: Path, pid: int, expected: Reason | None) -> None:
    assert protected(ProcessId(pid, 500), grow(tmp_path, *TREE)) is expected


def test_a_process_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ProcessLookupError):
        protected(ProcessId(99, 500), grow(tmp_path, *TREE))


def test_an_ancestry_that_goes_in_circles_ends(tmp_path: Path) -> None:
    procfs = grow(tmp_path, (40, 41, USER, "S"), (41, 40, USER, "S"), (50, 1, USER, "S"))
    assert protected(ProcessId(50, 500), procfs) is None
    assert protected(ProcessId(41, 500), procfs) is Reason.PROTECTED


def test_an_ancestor_that_cannot_be_seen_ends_the_line(tmp_path: Path) -> None:
    procfs = grow(tmp_path, (40, 39, USER, "S"), (50, 1, USER, "S"), (1, 0, USER, "S"))
    assert protected(ProcessId(1, 500), procfs) is Reason.PROTECTED
    assert protected(ProcessId(39, 500), procfs) is Reason.PROTECTED
    assert protected(ProcessId(50, 500), procfs) is None


@pytest.mark.live
def test_real_processes(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    assert protected(identity(os.getpid()), "/proc") is Reason.PROTECTED
    assert protected(identity(os.getppid()), "/proc") is Reason.PROTECTED
    assert protected(identity(child.pid), "/proc") is None
