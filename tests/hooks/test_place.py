"""Where may a process listen, and what is removed? Real directories and sockets."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brimwatch.hooks.place import Place, listen, sweep
from brimwatch.hooks.process import start_ticks

ME = os.geteuid()
TICKS = start_ticks()


@pytest.fixture
def places() -> Iterator[list[Place]]:
    made: list[Place] = []
    yield made
    for place in made:
        place.leave()


def make(places: list[Place], directory: Path) -> tuple[Place, list[str]]:
    missing: list[str] = []
    place = listen(str(directory), TICKS, missing)
    assert place is not None
    places.append(place)
    return place, missing


def test_a_directory_is_made_and_a_socket_in_it(places: list[Place], tmp_path: Path) -> None:
    place, missing = make(places, tmp_path / "a" / "run")
    assert (place.path, missing) == (f"{tmp_path}/a/run/{os.getpid()}-{TICKS}.sock", [])
    assert place.stands()
    place.leave()
    assert os.listdir(tmp_path / "a" / "run") == []


@pytest.mark.parametrize(
    ("mode", "why"),
    [pytest.param(0o777, "mode 0777", id="where all may write"), pytest.param(None, "directory", id="a file")],
)
def test_an_unsafe_directory_is_passed_over_for_an_abstract_name(
    places: list[Place], tmp_path: Path, mode: int, why: str
) -> None:
    directory = tmp_path / "run"
    if mode is None:
        directory.write_text("")
    else:
        directory.mkdir()
        directory.chmod(mode)
    place, missing = make(places, directory)
    assert place.name == f"@brimwatch-{ME}-{os.getpid()}-{TICKS}"
    assert why in missing[0]
    assert place.stands()


def test_where_all_may_write_but_nobody_may_remove_is_fine(places: list[Place], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o1777)
    assert make(places, tmp_path / "run")[0].path is not None


@pytest.mark.skipif(ME != 0, reason="giving a directory away needs root")
def test_a_directory_of_another_user_is_passed_over(places: list[Place], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", 12345, -1)
    place, missing = make(places, tmp_path / "run")
    assert (place.path, missing) == (None, [f"{tmp_path}/run: belongs to uid 12345"])


def test_a_path_that_is_too_long_is_passed_over(places: list[Place], tmp_path: Path) -> None:
    place, missing = make(places, tmp_path / ("x" * 100))
    assert place.path is None
    assert "too long" in missing[0]


def test_what_stands_in_our_place_is_replaced(places: list[Place], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(0o700)
    name = tmp_path / "run" / f"{os.getpid()}-{TICKS}.sock"
    name.symlink_to(tmp_path / "elsewhere")
    place, _ = make(places, tmp_path / "run")
    assert place.stands()
    assert not (tmp_path / "elsewhere").exists()


def test_what_was_put_in_our_place_is_not_removed_at_the_end(places: list[Place], tmp_path: Path) -> None:
    place, _ = make(places, tmp_path / "run")
    assert place.path is not None
    os.unlink(place.path)
    Path(place.path).write_text("somebody else's")
    assert not place.stands()
    place.leave()
    assert Path(place.path).read_text() == "somebody else's"


def test_a_directory_in_our_place_is_left_alone(places: list[Place], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(0o700)
    name = tmp_path / "run" / f"{os.getpid()}-{TICKS}.sock"
    name.mkdir()
    place, _ = make(places, tmp_path / "run")
    assert place.path is None
    assert os.listdir(tmp_path / "run") == [name.name]


def stale(directory: Path, name: str, age: float = 0.0) -> Path:
    path = directory / name
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_sweeping_removes_what_the_dead_left_and_nothing_else(places: list[Place], tmp_path: Path) -> None:
    place, _ = make(places, tmp_path / "run")
    stale(tmp_path / "run", "4194305-5.sock")
    stale(tmp_path / "run", f"{os.getpid()}-1.sock")  # our PID, another process
    stale(tmp_path / "run", ".77-abc", 100.0)
    kept = {stale(tmp_path / "run", ".78-abc").name, stale(tmp_path / "run", "service.sock").name}
    (tmp_path / "run" / "4194306-5.sock").write_text("a file")
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(tmp_path / "run" / "4194307-5.sock"))
        alive.listen()
        assert sweep(str(tmp_path / "run")) == 3
    kept |= {"4194306-5.sock", "4194307-5.sock", os.path.basename(place.name)}
    assert set(os.listdir(tmp_path / "run")) == kept


@pytest.mark.skipif(ME != 0, reason="giving a socket away needs root")
def test_sweeping_leaves_sockets_of_other_users(tmp_path: Path) -> None:
    os.chown(stale(tmp_path, "4194305-5.sock"), 12345, -1)
    assert sweep(str(tmp_path)) == 0


def test_sweeping_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert sweep(str(tmp_path / "none")) == 0


def test_a_number_that_was_given_to_another_file_is_not_closed(tmp_path: Path) -> None:
    place = listen(str(tmp_path / "run"), TICKS, [])
    assert place is not None
    number = place.socket.fileno()
    other = os.open("/dev/null", os.O_RDONLY)
    os.dup2(other, number)
    assert not place.is_ours
    assert not place.stands()
    place.leave()
    os.fstat(number)  # still open
    os.close(number)
    os.close(other)
    assert os.listdir(tmp_path / "run") == []
