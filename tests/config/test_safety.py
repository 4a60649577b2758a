import os
import stat
from pathlib import Path

import pytest

from brimwatch.config.safety import read_safely
from brimwatch.config.tree import LONGEST
from brimwatch.errors import ConfigError

WHY = "the daemon runs as root, and whoever writes its configuration decides what root does"
ROOT = 0
NOT_ROOT = 1000
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="files of root are made by root")


def refusal(path: Path | str, uid: int) -> str:
    with pytest.raises(ConfigError) as caught:
        read_safely(str(path), uid)
    (fault,) = caught.value.faults
    return fault.removeprefix(f"{path}: ")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "etc"
    found.mkdir(mode=0o755)
    return found


@pytest.fixture
def file(directory: Path) -> Path:
    found = directory / "brimwatch.yaml"
    found.write_bytes(b"x: 1\n")
    found.chmod(0o644)
    return found


@as_root
def test_root_reads_what_root_alone_may_write(file: Path) -> None:
    assert read_safely(str(file), ROOT) == b"x: 1\n"


@as_root
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_root_refuses_a_file_that_others_may_write(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refusal(file, ROOT) == f"found mode {mode:04o}, wanted a file that only root may write; {WHY}"
    assert read_safely(str(file), NOT_ROOT) == b"x: 1\n"


@as_root
def test_root_refuses_a_file_of_somebody_else(file: Path) -> None:
    os.chown(file, 1234, 0)
    assert refusal(file, ROOT) == f"found a file of uid 1234, wanted one of root; {WHY}"


@as_root
def test_root_refuses_a_directory_of_somebody_else(file: Path) -> None:
    os.chown(file.parent, 1234, 0)
    assert refusal(file, ROOT) == f"found a directory of uid 1234, wanted one of root; {WHY}"


@as_root
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_root_refuses_a_directory_that_others_may_write(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    assert refusal(file, ROOT) == f"found a directory of mode {mode:04o}, wanted one that only root may write; {WHY}"


@as_root
def test_a_sticky_directory_is_no_danger_to_a_file_of_root(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert read_safely(str(file), ROOT) == b"x: 1\n"


@as_root
def test_a_configmap_is_read_through_its_links(tmp_path: Path) -> None:
    volume = tmp_path / "config"
    volume.mkdir()
    volume.chmod(0o777)  # as the kubelet leaves it; the data lie in a directory of their own
    data = volume / "..2026_01_01"
    data.mkdir(mode=0o755)
    (data / "brimwatch.yaml").write_bytes(b"x: 2\n")
    (volume / "..data").symlink_to("..2026_01_01")
    (volume / "brimwatch.yaml").symlink_to("..data/brimwatch.yaml")
    assert read_safely(str(volume / "brimwatch.yaml"), ROOT) == b"x: 2\n"


@as_root
def test_a_link_does_not_hide_a_file_that_others_may_write(file: Path, tmp_path: Path) -> None:
    file.chmod(0o666)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert refusal(link, ROOT) == f"found mode 0666, wanted a file that only root may write; {WHY}"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(
            lambda path: None,
            "found a file that cannot be opened, wanted a configuration; No such file or directory",
            id="nothing",
        ),
        pytest.param(
            Path.mkdir,
            "found something that is no regular file, wanted a configuration",
            id="a directory",
        ),
        pytest.param(
            os.mkfifo,
            "found something that is no regular file, wanted a configuration",
            id="a pipe that nobody writes to does not block",
        ),
        pytest.param(
            lambda path: path.symlink_to(path),
            "found a file that cannot be opened, wanted a configuration; Too many levels of symbolic links",
            id="a link to itself",
        ),
    ],
)
def test_what_is_no_file(tmp_path: Path, make: object, expected: str) -> None:
    path = tmp_path / "brimwatch.yaml"
    assert callable(make)
    make(path)
    assert refusal(path, NOT_ROOT) == expected


def test_a_path_that_cannot_be_is_told_without_what_a_terminal_obeys() -> None:
    with pytest.raises(ConfigError) as caught:
        read_safely("/a\x00\x1b[31m", NOT_ROOT)
    expected = (r"/a\x00\x1b[31m: found a file that cannot be opened, wanted a configuration; a path holds no NUL",)
    assert expected == caught.value.faults


def test_not_much_more_than_the_bound_is_read(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(10 * LONGEST)
    assert LONGEST < len(read_safely(str(file), NOT_ROOT)) <= LONGEST + 2**20


def test_a_device_without_end_is_not_read() -> None:
    assert stat.S_ISCHR(os.stat("/dev/zero").st_mode)
    assert refusal("/dev/zero", NOT_ROOT) == "found something that is no regular file, wanted a configuration"
