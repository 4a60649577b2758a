import os
from pathlib import Path

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.procfs.cgroup_memory import CgroupMemory, read_cgroup_memory, read_cgroup_pressure
from brimwatch.procfs.cgroup_place import Place, locate_memory, locate_unified, open_at, own_mounts
from brimwatch.procfs.mountinfo import CgroupMount

MB = 1_000_000
STAT = "{pid} (app) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0\n"


def v2(directory: Path, limit: object = "max", usage: int = 0, inactive: int = 0, kills: int = 0) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cgroup.events").write_text("populated 1\n")
    (directory / "memory.max").write_text(f"{limit}\n")
    (directory / "memory.current").write_text(f"{usage}\n")
    (directory / "memory.stat").write_text(f"anon {usage - inactive}\ninactive_file {inactive}\n")
    (directory / "memory.events").write_text(f"low 0\noom 0\noom_kill {kills}\n")
    return directory


def v1(directory: Path, limit: int | None, usage: int, inactive: int, hierarchical: int | None) -> Path:
    none = 9223372036854771712
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "memory.limit_in_bytes").write_text(f"{none if limit is None else limit}\n")
    (directory / "memory.usage_in_bytes").write_text(f"{usage}\n")
    (directory / "memory.stat").write_text(
        f"rss 1\nhierarchical_memory_limit {none if hierarchical is None else hierarchical}\n"
        f"total_rss {usage - inactive}\ntotal_inactive_file {inactive}\n"
    )
    (directory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    return directory


def at(version: int, point: Path, below: str) -> Place:
    return Place(version, str(point), below, below or "/")


def figures(found: CgroupMemory | None) -> tuple[object, ...]:
    assert found is not None
    return found.working_set, found.limit, found.headroom


class TestV2:
    def test_limit_working_set_and_headroom(self, tmp_path):
        v2(tmp_path / "app", limit=400 * MB, usage=300 * MB, inactive=50 * MB, kills=2)
        found = read_cgroup_memory(at(2, tmp_path, "/app"))
        assert found == CgroupMemory(at(2, tmp_path, "/app"), 300 * MB, 50 * MB, 250 * MB, 400 * MB, 400 * MB, None, 2)
        assert figures(found) == (250 * MB, 400 * MB, 150 * MB)

    def test_the_tightest_limit_on_the_way_up_counts(self, tmp_path):
        v2(tmp_path / "pod", limit=200 * MB, usage=150 * MB)
        v2(tmp_path / "pod" / "app", limit=400 * MB, usage=100 * MB)
        assert figures(read_cgroup_memory(at(2, tmp_path, "/pod/app"))) == (100 * MB, 200 * MB, 50 * MB)

    def test_headroom_may_be_least_where_the_limit_is_not(self, tmp_path):
        v2(tmp_path / "pod", limit=900 * MB, usage=880 * MB, inactive=10 * MB)
        v2(tmp_path / "pod" / "app", limit=400 * MB, usage=100 * MB)
        assert figures(read_cgroup_memory(at(2, tmp_path, "/pod/app"))) == (100 * MB, 400 * MB, 30 * MB)

    def test_no_limit_anywhere(self, tmp_path):
        v2(tmp_path / "app", usage=100 * MB)
        assert figures(read_cgroup_memory(at(2, tmp_path, "/app"))) == (100 * MB, None, None)

    def test_a_usage_below_its_inactive_pages_is_no_negative_working_set(self, tmp_path):
        v2(tmp_path / "app", usage=10 * MB, inactive=0)
        (tmp_path / "app" / "memory.stat").write_text(f"inactive_file {11 * MB}\n")
        assert figures(read_cgroup_memory(at(2, tmp_path, "/app")))[0] == 0

    def test_without_the_controller_the_nearest_account_above_is_charged(self, tmp_path):
        v2(tmp_path / "user", limit=400 * MB, usage=100 * MB)
        (tmp_path / "user" / "session").mkdir()
        found = read_cgroup_memory(at(2, tmp_path, "/user/session"))
        assert found is not None
        assert found.place == at(2, tmp_path, "/user")

    def test_the_root_has_no_account(self, tmp_path):
        assert read_cgroup_memory(at(2, tmp_path, "")) is None

    def test_a_container_is_at_the_top_of_its_mount(self, tmp_path):
        v2(tmp_path, limit=400 * MB, usage=100 * MB)
        assert figures(read_cgroup_memory(Place(2, str(tmp_path), "", "/../0af"))) == (100 * MB, 400 * MB, 300 * MB)

    def test_a_cgroup_that_was_removed(self, tmp_path):
        v2(tmp_path, limit=400 * MB)
        with pytest.raises(FileNotFoundError):
            read_cgroup_memory(at(2, tmp_path, "/app"))

    def test_malformed(self, tmp_path):
        v2(tmp_path / "app")
        (tmp_path / "app" / "memory.current").write_text("much\n")
        with pytest.raises(MalformedProcFile, match=r"memory\.current: found b'much"):
            read_cgroup_memory(at(2, tmp_path, "/app"))

    def test_a_file_of_a_megabyte_is_refused(self, tmp_path):
        v2(tmp_path / "app")
        (tmp_path / "app" / "memory.stat").write_text("x 1\n" * 300_000)
        with pytest.raises(MalformedProcFile, match="longer than"):
            read_cgroup_memory(at(2, tmp_path, "/app"))

    def test_a_path_deeper_than_any_sane_one_ends(self, tmp_path):
        assert len(at(2, tmp_path, "/x" * 1000).ancestors()) == 65


class TestV1:
    def test_limit_working_set_and_headroom(self, tmp_path):
        v1(tmp_path / "app", 400 * MB, 300 * MB, 50 * MB, 400 * MB)
        found = read_cgroup_memory(at(1, tmp_path, "/app"))
        assert figures(found) == (250 * MB, 400 * MB, 150 * MB)
        assert found is not None
        assert (found.anon, found.oom_kills) == (250 * MB, 4)

    def test_no_limit(self, tmp_path):
        v1(tmp_path / "app", None, 300 * MB, 0, None)
        assert figures(read_cgroup_memory(at(1, tmp_path, "/app"))) == (300 * MB, None, None)

    def test_an_ancestor_binds(self, tmp_path):
        v1(tmp_path / "pod", 350 * MB, 340 * MB, 0, 350 * MB)
        v1(tmp_path / "pod" / "app", None, 300 * MB, 0, 350 * MB)
        assert figures(read_cgroup_memory(at(1, tmp_path, "/pod/app"))) == (300 * MB, 350 * MB, 10 * MB)

    def test_an_ancestor_without_hierarchy_does_not_bind(self, tmp_path):
        v1(tmp_path / "pod", 200 * MB, 10 * MB, 0, 200 * MB)
        v1(tmp_path / "pod" / "app", 400 * MB, 300 * MB, 0, 400 * MB)
        assert figures(read_cgroup_memory(at(1, tmp_path, "/pod/app"))) == (300 * MB, 400 * MB, 100 * MB)

    def test_a_limit_above_what_we_see_is_told_by_the_kernel(self, tmp_path):
        v1(tmp_path, None, 300 * MB, 0, 320 * MB)
        assert figures(read_cgroup_memory(at(1, tmp_path, ""))) == (300 * MB, 320 * MB, 20 * MB)

    def test_the_root_of_all_is_no_cgroup_of_anybody(self, tmp_path):
        v1(tmp_path, None, 300 * MB, 0, None)
        (tmp_path / "cgroup.sane_behavior").write_text("0\n")
        assert read_cgroup_memory(at(1, tmp_path, "")) is None


class TestPressure:
    def test_of_a_cgroup(self, tmp_path):
        v2(tmp_path / "app")
        (tmp_path / "app" / "memory.pressure").write_text("some avg10=2.50 avg60=0.00 avg300=0.00 total=9\n")
        found = read_cgroup_pressure(at(2, tmp_path, "/app"))
        assert found is not None
        assert found.some_avg10 == 0.025

    def test_of_the_root_is_the_machines(self, tmp_path):
        (tmp_path / "memory.pressure").write_text("some avg10=2.50 avg60=0.00 avg300=0.00 total=9\n")
        assert read_cgroup_pressure(at(2, tmp_path, "")) is None

    def test_a_kernel_without_it(self, tmp_path):
        v2(tmp_path / "app")
        with pytest.raises(OSError, match="keeps no pressure of cgroups"):
            read_cgroup_pressure(at(2, tmp_path, "/app"))


class TestPlace:
    """Who sees what: the daemon's own mounts first, the target's root where those do not show it."""

    @pytest.fixture
    def procfs(self, tmp_path):
        """Process 7 in a container: its own mount shows its cgroup at the top."""
        v2(tmp_path / "proc" / "7" / "root" / "sys" / "fs" / "cgroup", limit=400 * MB, usage=100 * MB)
        (tmp_path / "proc" / "7" / "stat").write_text(STAT.format(pid=7, start=100))
        self.mount(tmp_path, "/../app")
        return str(tmp_path / "proc")

    def mount(self, tmp_path: Path, root: str, kind: str = "cgroup2") -> None:
        text = f"30 23 0:26 {root} /sys/fs/cgroup ro - {kind} cgroup rw,memory\n"
        (tmp_path / "proc" / "7" / "mountinfo").write_text(text)

    def test_on_the_host_our_own_mount_shows_all_ancestors(self, tmp_path, procfs):
        v2(tmp_path / "cg" / "docker" / "app", limit=400 * MB, usage=100 * MB)
        mounts = (CgroupMount(2, str(tmp_path / "cg"), "/"),)
        place = locate_memory(CgroupPaths("/docker/app"), mounts, procfs, ProcessId(7, 100))
        assert place == Place(2, str(tmp_path / "cg"), "/docker/app", "/docker/app", procfs)
        assert len(place.ancestors()) == 3

    def test_beside_the_target_we_read_through_its_root(self, tmp_path, procfs):
        own = (CgroupMount(2, str(tmp_path), "/"),)
        place = locate_memory(CgroupPaths("/../app"), own, procfs, ProcessId(7, 100), frozenset())
        assert place == Place(2, "/sys/fs/cgroup", "", "/../app", procfs, ProcessId(7, 100), frozenset())
        assert figures(read_cgroup_memory(place)) == (100 * MB, 400 * MB, 300 * MB)
        descriptor = open_at(place, "memory.current")
        assert os.read(descriptor, 100) == b"100000000\n"
        os.close(descriptor)

    def test_a_container_without_a_namespace_names_its_whole_path(self, tmp_path, procfs):
        self.mount(tmp_path, "/docker/app")
        own = (CgroupMount(2, str(tmp_path), "/docker/daemon"),)
        place = locate_memory(CgroupPaths("/docker/app"), own, procfs, ProcessId(7, 100), frozenset())
        assert place is not None
        assert (place.point, place.below, place.through) == ("/sys/fs/cgroup", "", ProcessId(7, 100))

    def test_v1_through_a_root(self, tmp_path, procfs):
        self.mount(tmp_path, "/docker/app", "cgroup")
        v1(tmp_path / "proc" / "7" / "root" / "sys" / "fs" / "cgroup", 400 * MB, 300 * MB, 0, 400 * MB)
        paths = CgroupPaths("/", "/docker/app")
        place = locate_memory(paths, (), procfs, ProcessId(7, 100), frozenset())
        assert place is not None
        assert figures(read_cgroup_memory(place)) == (300 * MB, 400 * MB, 100 * MB)

    def test_where_a_mount_shows_the_path_but_the_cgroup_is_not_there(self, tmp_path, procfs):
        own = (CgroupMount(2, str(tmp_path / "empty"), "/"),)
        with pytest.raises(FileNotFoundError, match="no mount"):
            locate_memory(CgroupPaths("/docker/app"), own, procfs, ProcessId(7, 100))

    def test_a_directory_of_the_targets_own_making_is_not_believed(self, procfs):
        place = locate_memory(CgroupPaths("/../app"), (), procfs, ProcessId(7, 100))
        assert place is not None
        with pytest.raises(PermissionError, match="is not trusted"):
            read_cgroup_memory(place)

    def test_a_pid_used_again_is_not_read_in_its_place(self, procfs):
        place = locate_memory(CgroupPaths("/../app"), (), procfs, ProcessId(7, 99), frozenset())
        assert place is not None
        with pytest.raises(ProcessLookupError):
            read_cgroup_memory(place)

    def test_a_process_that_is_gone(self, procfs):
        with pytest.raises(ProcessLookupError):
            locate_memory(CgroupPaths("/../app"), (), procfs, ProcessId(8, 100))

    def test_no_memory_controller_at_all(self, procfs):
        assert locate_memory(CgroupPaths(None, None), (), procfs, ProcessId(7, 100)) is None
        assert locate_unified(CgroupPaths(None, "/x"), (), procfs, ProcessId(7, 100)) is None

    def test_on_a_hybrid_machine_memory_is_v1_and_pressure_unified(self, tmp_path, procfs):
        (tmp_path / "memory" / "a").mkdir(parents=True)
        (tmp_path / "unified" / "b").mkdir(parents=True)
        mounts = (CgroupMount(1, str(tmp_path / "memory"), "/"), CgroupMount(2, str(tmp_path / "unified"), "/"))
        paths = CgroupPaths("/b", "/a")
        memory = locate_memory(paths, mounts, procfs, ProcessId(7, 100))
        unified = locate_unified(paths, mounts, procfs, ProcessId(7, 100))
        assert memory is not None
        assert unified is not None
        assert (memory.version, memory.below, unified.version, unified.below) == (1, "/a", 2, "/b")

    def test_of_two_mounts_the_one_that_shows_more_is_used(self, tmp_path, procfs):
        (tmp_path / "all" / "docker" / "app").mkdir(parents=True)
        (tmp_path / "part").mkdir()
        mounts = (CgroupMount(2, str(tmp_path / "part"), "/docker/app"), CgroupMount(2, str(tmp_path / "all"), "/"))
        place = locate_memory(CgroupPaths("/docker/app"), mounts, procfs, ProcessId(7, 100))
        assert place is not None
        assert place.point == str(tmp_path / "all")

    def test_our_own_mounts(self, tmp_path):
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "mountinfo").write_text("30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n")
        assert own_mounts(str(tmp_path)) == (CgroupMount(2, "/cg", "/"),)
