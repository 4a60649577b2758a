import os
from pathlib import Path

import pytest
from tests.act.changing import MB, FakeCgroups

from brimwatch.act.refused import Refused
from brimwatch.act.undo import CgroupChange, State
from brimwatch.act.undo_cgroup import restore_high
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup_place import Directory, Place
from brimwatch.units import Bytes

ANY: frozenset[int] = frozenset()


@pytest.fixture
def cgroups(tmp_path: Path) -> FakeCgroups:
    return FakeCgroups(tmp_path)


def change(cgroups: FakeCgroups, ours: int = 390 * MB, before: int | None = None) -> CgroupChange:
    place = Place(2, str(cgroups.mount), "/app", "/app")
    found = (cgroups.mount / "app").stat()
    return CgroupChange(place, found.st_dev, found.st_ino, Bytes(ours), None if before is None else Bytes(before))


@pytest.mark.parametrize(
    ("before", "present", "after", "told"),
    [
        pytest.param(None, 390 * MB, "max", "memory.high is max again", id="no limit before"),
        pytest.param(395 * MB, 390 * MB, str(395 * MB), "memory.high is 395.0 MB again", id="a limit before"),
        pytest.param(None, None, "max", "memory.high is max as before", id="put back already"),
        pytest.param(
            None, 200 * MB, str(200 * MB),
            "memory.high was set to 200.0 MB by somebody else meanwhile, and is left alone",
            id="somebody else's value",
        ),
    ],
)  # fmt: skip
def test_what_was_before_comes_back_where_the_present_is_ours(
    cgroups: FakeCgroups, before: int | None, present: int | None, after: str, told: str
) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, present)
    assert restore_high(change(cgroups, before=before), None, cgroups.procfs, ANY) == State(told)
    assert (folder / "memory.high").read_text().strip() == after


def test_a_cgroup_that_is_gone_has_nothing_to_put_back(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, 390 * MB)
    made = change(cgroups)
    held = Directory(made.place)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert restore_high(made, None, cgroups.procfs, ANY).gone
    assert restore_high(made, held, cgroups.procfs, ANY).gone
    held.close()


def test_a_later_cgroup_of_the_same_name_is_left_alone(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, 390 * MB)
    made = change(cgroups)
    folder.rename(cgroups.mount / "kept")  # so that its inode is not used again
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, 390 * MB)
    assert restore_high(made, None, cgroups.procfs, ANY).gone
    assert (folder / "memory.high").read_text().strip() == str(390 * MB)


def test_the_held_directory_leads_there_when_the_name_does_not(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, 390 * MB)
    made = change(cgroups)
    with Directory(made.place) as held:
        folder = folder.rename(cgroups.mount / "renamed")
        assert restore_high(made, held, cgroups.procfs, ANY) == State("memory.high is max again")
    assert (folder / "memory.high").read_text() == "max"


def test_a_record_that_names_no_mount_of_ours_is_refused(cgroups: FakeCgroups, tmp_path: Path) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, 390 * MB)
    made = change(cgroups)
    planted = CgroupChange(made.place._replace(point=str(tmp_path)), made.device, made.inode, made.ours, None)
    with pytest.raises(Refused, match="no mount of cgroup v2"):
        restore_high(planted, None, cgroups.procfs, ANY)


@pytest.mark.parametrize("neighbour", [pytest.param(True, id="a neighbour lives"), pytest.param(False, id="nobody")])
def test_where_the_process_is_gone_whose_root_led_there_a_neighbours_does(
    cgroups: FakeCgroups, neighbour: bool
) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, 390 * MB)
    cgroups.cgroup("/other", 1, 2, 3)
    cgroups.process(11, "/other")
    if neighbour:
        cgroups.process(12, "/app")
        os.symlink("/", cgroups.proc / "12" / "root")
    made = change(cgroups)
    through = CgroupChange(made.place._replace(through=ProcessId(9, 9)), made.device, made.inode, made.ours, None)
    state = restore_high(through, None, cgroups.procfs, ANY)
    assert state.gone is not neighbour
    assert (folder / "memory.high").read_text().strip() == ("max" if neighbour else str(390 * MB))
