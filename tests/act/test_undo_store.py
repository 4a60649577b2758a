import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from brimwatch.act.undo import LimitChange, Undo
from brimwatch.act.undo_record import LONGEST
from brimwatch.act.undo_store import Folder, open_folder, places
from brimwatch.model import ProcessId
from brimwatch.units import Bytes

UNDO = Undo("ceiling", "shop", 1.0, None, "b00t", LimitChange(ProcessId(42, 1), Bytes(5), None))
NAME = "0123456789abcdef.json"


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    opened = open_folder(str(tmp_path / "run"))
    yield opened
    opened.close()


def plant(folder: Folder, text: bytes = b"{}", name: str = NAME, mode: int = 0o600) -> Path:
    path = Path(folder.path) / name
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_a_record_is_for_its_owner_alone_and_locked_while_its_writer_lives(folder: Folder) -> None:
    file = folder.write(UNDO)
    path = Path(folder.path, file.name)
    assert (path.stat().st_mode & 0o777, Path(folder.path).stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(folder.leftovers()) == []
    file.remove()
    assert os.listdir(folder.path) == []


@pytest.mark.live
def test_the_record_of_a_killed_writer_is_a_leftover(folder: Folder, spawn: Any) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.act.test_undo_store import UNDO, open_folder\n"
        "file = open_folder(sys.argv[1]).write(UNDO); print('written', flush=True); input()"
    )
    root = str(Path(__file__).parents[2])
    parent = str(Path(folder.path).parent)
    child = spawn([sys.executable, "-c", program, parent, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"written\n"
    assert list(folder.leftovers()) == []
    child.kill()
    child.wait()

    (left,) = folder.leftovers()
    assert (left.undo, left.why) == (UNDO, "")
    assert left.file is not None
    left.file.remove()
    assert os.listdir(folder.path) == []


def test_what_others_could_have_planted_is_not_believed(folder: Folder, tmp_path: Path) -> None:
    plant(folder, name="0000000000000001.json", mode=0o644)
    (tmp_path / "real").write_bytes(b"{}")
    os.symlink(tmp_path / "real", Path(folder.path) / "0000000000000002.json")
    os.mkfifo(Path(folder.path) / "0000000000000003.json")
    os.link(plant(folder, name="elsewhere"), Path(folder.path) / "0000000000000004.json")
    plant(folder, b" " * (LONGEST + 1), "0000000000000005.json")
    plant(folder, b"{}", "0000000000000006.json")
    plant(folder, b"{}", "unrelated.txt")

    found = {left.name[15]: (left.file, left.undo, left.why) for left in folder.leftovers()}
    assert {key: value[:2] for key, value in found.items()} == dict.fromkeys("123456", (None, None))
    assert [found[key][2] for key in "123456"] == [
        "open to others (mode 0644, 1 links)",
        "Too many levels of symbolic links",
        "no regular file",
        "open to others (mode 0600, 2 links)",
        f"{LONGEST + 1} bytes long, wanted at most {LONGEST}",
        "found b'{}', wanted a record of version 1",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_files_and_folders_of_another_user_are_not_believed(folder: Folder, tmp_path: Path) -> None:
    os.chown(plant(folder), 4321, -1)
    (left,) = folder.leftovers()
    assert (left.undo, left.why) == (None, "belongs to uid 4321")

    os.chown(folder.path, 4321, -1)
    with pytest.raises(PermissionError, match="belongs to uid 4321"):
        open_folder(str(tmp_path / "run"))
    os.chown(folder.path, 0, -1)
    os.chown(tmp_path / "run", 4321, -1)
    with pytest.raises(PermissionError, match="belongs to uid 4321"):
        open_folder(str(tmp_path / "run"))


def test_a_folder_that_others_may_enter_or_replace_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "undo").mkdir(parents=True)
    (run / "undo").chmod(0o755)
    with pytest.raises(PermissionError, match="open to others"):
        open_folder(str(run))
    (run / "undo").chmod(0o700)
    run.chmod(0o777)
    with pytest.raises(PermissionError, match="open to others"):
        open_folder(str(run))
    run.chmod(0o1777)
    open_folder(str(run)).close()


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real" / "undo").mkdir(parents=True, mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="run"):
        open_folder(str(tmp_path / "run"))


def test_an_unfinished_record_recorded_nothing_and_goes(folder: Folder) -> None:
    plant(folder, b'{"vers', "0123456789abcdef.new")
    assert list(folder.leftovers()) == []
    assert os.listdir(folder.path) == []


def test_where_records_may_be_is_the_run_directory_then_places_of_ones_own() -> None:
    assert places("/run/brimwatch", {"XDG_RUNTIME_DIR": "/run/user/7"}, 7) == (
        "/run/brimwatch", "/run/user/7/brimwatch", "/dev/shm/brimwatch-7", "/tmp/brimwatch-7",
    )  # fmt: skip
    assert places("/r", {"XDG_RUNTIME_DIR": "x"}, 7)[:2] == ("/r", "/run/user/7/brimwatch")


def test_a_full_file_system_leaves_no_half_record(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, text: 3)
        with pytest.raises(OSError, match="No space left"):
            folder.write(UNDO)
    assert os.listdir(folder.path) == []
