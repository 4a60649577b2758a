"""Where is kept what outlives the daemon?"""

import os
from pathlib import Path

import pytest

from brimwatch.runtime.storage import find_storage, prepare_storage, storage_beside


@pytest.mark.parametrize(
    ("option", "environ", "uid", "expected"),
    [
        pytest.param("/data/b", {"STATE_DIRECTORY": "/s"}, 0, "/data/b", id="the option is above all"),
        pytest.param(None, {"STATE_DIRECTORY": "/s"}, 0, "/s", id="systemd says where"),
        pytest.param(None, {"STATE_DIRECTORY": "/s:/t"}, 0, "/s", id="the first of several"),
        pytest.param(None, {"STATE_DIRECTORY": "s"}, 0, "/var/lib/brimwatch", id="a relative one is none"),
        pytest.param(None, {}, 0, "/var/lib/brimwatch", id="root has the system's place"),
        pytest.param(None, {"HOME": "/home/a"}, 1000, "/home/a/.local/state/brimwatch", id="others one at home"),
        pytest.param(None, {"XDG_STATE_HOME": "/x"}, 1000, "/x/brimwatch", id="or where their desktop says"),
    ],
)
def test_where(option: str | None, environ: dict[str, str], uid: int, expected: str) -> None:
    assert find_storage(option, environ, uid) == expected


@pytest.mark.parametrize(
    ("environ", "uid", "expected"),
    [
        pytest.param({}, 0, "/var/lib/brimwatch-pid", id="beside the service's, for root"),
        pytest.param({"HOME": "/home/a"}, 1000, "/home/a/.local/state/brimwatch-pid", id="and for others"),
        pytest.param({"STATE_DIRECTORY": "/s"}, 0, None, id="a unit's folder is its own"),
    ],
)
def test_a_watch_by_hand_keeps_clear_of_the_service(environ: dict[str, str], uid: int, expected: str | None) -> None:
    assert storage_beside(environ, uid) == expected


def test_a_new_folder_is_ours_alone(tmp_path: Path) -> None:
    assert prepare_storage(str(tmp_path / "a" / "b")) is None
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert prepare_storage(str(tmp_path / "a")) == f"{tmp_path}/a: File exists"


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.chmod(tmp_path / "a", 0o777)
    assert prepare_storage(str(tmp_path / "a")) == f"{tmp_path}/a: others may write to it (mode 0777)"


def test_a_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(tmp_path, 4242, -1)
    why = "it belongs to uid 4242, who could put anything in the place of what we write"
    assert prepare_storage(str(tmp_path)) == f"{tmp_path}: {why}"
