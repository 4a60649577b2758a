import shutil

import pytest
from tests.sample.app_cgroup import APP, ONE, TWO, read

from brimwatch.model import Limit
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache

MB = 1_000_000


class TestFailure:
    def test_a_cgroup_that_vanishes_leaves_nothing(self, sampler, machine):
        read(sampler, 10.0)
        shutil.rmtree(machine.cg / "app")
        read(sampler, 11.0)
        sampler.look(11.1)
        assert (sampler.readings.get(Quantity.WORKING_SET), sampler.limit, sampler.headroom) == (None, None, None)
        assert sampler.reasons["cgroup"] == ""

    def test_one_that_is_made_again_is_found_again(self, sampler, machine):
        read(sampler, 10.0)
        shutil.rmtree(machine.cg / "app")
        read(sampler, 11.0)
        machine.cgroup("/app", limit=100 * MB, usage=10 * MB)
        assert "cgroup" in read(sampler, 20.0)
        sampler.look(20.1)
        assert sampler.limit == Limit(100 * MB, "cgroup")

    def test_a_malformed_file_is_told(self, sampler, machine):
        (machine.cg / "app" / "memory.max").write_text("plenty\n")
        read(sampler, 10.0)
        sampler.look(10.1)
        assert sampler.limit is None
        assert sampler.reasons["cgroup"] == "memory.max: found b'plenty\\n', wanted a number of bytes"

    def test_what_is_only_late_stays_until_it_is_stale(self, sampler):
        read(sampler, 10.0)
        for slow in sampler.due(11.0, ONE):
            sampler.accept(slow, TimeoutError("no answer"), 11.5, 0.0)
        assert sampler.reasons["cgroup"] == "no answer in time"
        sampler.look(11.6)
        assert sampler.limit is not None
        sampler.look(12.6)
        sampler.look(13.6)
        assert sampler.limit is None

    def test_a_member_that_is_stuck_is_passed_over(self, sampler, cache):
        cache.join(APP, TWO, True)
        stuck = sampler.due(10.0, ONE)
        assert [slow.source for slow in stuck] == ["cgroup", "pressure"]
        assert sampler.due(11.0, TWO) == []
        assert read(sampler, 12.5, TWO) == ["cgroup", "pressure"]
        sampler.accept(stuck[0], TimeoutError("no answer"), 15.0, 0.0)  # of a read that counts no more
        sampler.look(12.6)
        assert sampler.limit == Limit(400 * MB, "cgroup")
        assert sampler.reasons["cgroup"] == ""

    def test_a_member_that_leaves_with_a_read_does_not_take_it_along(self, sampler, cache):
        cache.join(APP, TWO, True)
        sampler.due(10.0, ONE)
        cache.leave(sampler, ONE)
        assert read(sampler, 10.1, TWO) == ["cgroup", "pressure"]

    def test_a_pressure_that_cannot_be_read_takes_nothing_else_along(self, sampler, machine):
        (machine.cg / "app" / "memory.pressure").write_text("?")
        read(sampler, 10.0)
        sampler.look(10.1)
        assert sampler.limit == Limit(400 * MB, "cgroup")
        assert "wanted a line" in sampler.reasons["pressure"]
        assert sampler.pressure is None
        assert Quantity.PRESSURE not in sampler.readings


class TestThroughARoot:
    """A sidecar: its own mount does not show the neighbour's cgroup, the neighbour's root does."""

    @pytest.fixture
    def neighbour(self, machine):
        root = machine.proc / "7" / "root"
        machine.process(7)
        machine.cgroup("/x", limit=400 * MB, usage=300 * MB, inactive=50 * MB)
        (root / "cg").mkdir(parents=True)
        shutil.move(str(machine.cg / "x"), root / "cg" / "top")
        (machine.proc / "7" / "mountinfo").write_text("9 1 0:26 /../7 /cg/top ro - cgroup2 cgroup2 rw\n")
        cache = CgroupCache(machine.procfs, kinds=frozenset())
        return cache.join(CgroupPaths("/../7", None), ONE, True), root / "cg" / "top"

    def test_figures(self, neighbour):
        sampler, directory = neighbour
        read(sampler, 10.0)
        (directory / "memory.current").write_text(f"{350 * MB}\n")
        sampler.look(10.5)
        assert sampler.limit == Limit(400 * MB, "cgroup")
        assert sampler.readings[Quantity.WORKING_SET] == (300 * MB, 10.5, 1.0)
        assert sampler.readings[Quantity.PRESSURE].value == 0.05

    def test_a_look_never_walks_through_the_root_itself(self, neighbour, monkeypatch):
        sampler, directory = neighbour
        read(sampler, 10.0)
        sampler.usage._file.close()  # as where descriptors are scarce
        (directory / "memory.current").write_text(f"{350 * MB}\n")
        sampler.look(10.5)
        assert sampler.readings[Quantity.WORKING_SET].value == 250 * MB
