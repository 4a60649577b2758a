import shutil

import pytest
from tests.sample.app_member import make, only

from brimwatch.model import Limit
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.quantity import Quantity
from brimwatch.sample.member import MemberSampler
from brimwatch.sample.sources import STATUS

MB = 1_000_000
PAGE = 4096


class TestFailure:
    def test_one_source_that_is_denied(self, member):
        make(member, 10.0)
        slow = only(member, 11.0, "smaps_rollup")
        member.accept(slow, PermissionError(13, "Permission denied", "/proc/7/smaps_rollup"), 11.0, 0.0)
        sample = member.look(11.1)
        assert Quantity.PSS not in sample.readings
        assert Quantity.USS not in sample.readings
        assert sample.value(Quantity.THREADS) == 3
        assert {name for name, able in member.capable.items() if not able} == {"smaps_rollup"}
        assert member.reasons["smaps_rollup"] == "Permission denied: /proc/7/smaps_rollup"

    def test_one_that_hangs_is_set_aside_and_its_values_grow_old(self, member):
        make(member, 10.0)
        slow = only(member, 40.0, "smaps_rollup")
        member.accept(slow, TimeoutError("no answer within 5s"), 45.0, 0.0)
        assert member.capable["smaps_rollup"] is False
        assert member.look(45.1).readings[Quantity.PSS].at == 10.0
        assert "smaps_rollup" not in [slow.source for slow in member.due(80.0)]
        assert "smaps_rollup" in [slow.source for slow in member.due(106.0)]

    def test_stale_values_go_in_the_end(self, member):
        make(member, 10.0)
        slow = only(member, 200.0, "smaps_rollup")
        member.accept(slow, TimeoutError("no answer within 5s"), 205.0, 0.0)
        assert Quantity.PSS not in member.look(205.1).readings

    def test_it_recovers(self, member):
        slow = only(member, 10.0, "status")
        member.accept(slow, PermissionError(13, "Permission denied"), 10.0, 0.0)
        make(member, 700.0, everything=True)
        assert member.capable["status"] is True
        assert member.look(700.1).value(Quantity.THREADS) == 3

    def test_a_read_of_a_process_that_ended_meanwhile_blames_no_collector(self, member, machine):
        reads = member.due(10.0)
        shutil.rmtree(machine.proc / "7")
        for slow in reads:
            if slow.source not in ("cgroup", "pressure"):
                with pytest.raises(ProcessLookupError) as caught:
                    slow.read()
                member.accept(slow, caught.value, 10.1, 0.0)
        assert all(member.capable.values())

    def test_an_old_kernel(self, member, machine):
        (machine.proc / "7" / "smaps_rollup").unlink()
        make(member, 10.0)
        assert member.reasons["smaps_rollup"] == "this kernel has no such file"


class TestClose:
    def test_a_read_that_comes_back_late_changes_nothing(self, member, machine, cache):
        machine.cgroup("/other")
        reads = member.due(10.0)
        results = [slow.read() for slow in reads]
        (machine.proc / "7" / "cgroup").write_text("0::/other\n")
        member.close()
        for slow, result in zip(reads, results, strict=True):
            member.accept(slow, result, 11.0, cost=1.0)
        assert len(cache) == 0
        assert cache.loads.stretch(STATUS, False) == 1.0

    def test_twice_is_once(self, machine, cache):
        one, two = (MemberSampler(machine.process(pid), machine.procfs, frozenset(), cache) for pid in (7, 8))
        one.close()
        one.close()
        assert len(cache) == 1
        two.close()
        assert len(cache) == 0

    def test_every_descriptor_is_given_back(self, member, machine, cache):
        member.look(10.0)
        make(member, 10.0)
        member.look(10.1)
        assert machine.held() == 4  # statm, usage, events, meminfo
        member.close()
        cache.machine.close()
        assert machine.held() == 0


class TestCgroup:
    def test_a_process_that_is_moved_is_followed(self, member, machine):
        make(member, 10.0)
        machine.cgroup("/other", limit=50 * MB, usage=10 * MB)
        (machine.proc / "7" / "cgroup").write_text("0::/other\n")
        make(member, 30.0)
        make(member, 30.1)
        sample = member.look(30.2)
        assert (sample.cgroup, sample.limit) == ("/other", Limit(50 * MB, "cgroup"))

    def test_and_at_once_where_its_cgroup_was_removed(self, member, machine):
        make(member, 10.0)
        make(member, 20.0)
        machine.cgroup("/other", limit=50 * MB, usage=10 * MB)
        (machine.proc / "7" / "cgroup").write_text("0::/other\n")
        shutil.rmtree(machine.cg / "app")
        for tenth in range(30):
            now = 21.0 + tenth / 10
            sample = member.look(now)
            make(member, now)
        assert sample.cgroup == "/other"

    def test_the_old_cgroup_is_dropped(self, member, machine, cache):
        (machine.proc / "7" / "cgroup").write_text("0::/other\n")
        make(member, 10.0)
        assert len(cache) == 1

    def test_where_it_was_found_may_be_handed_in(self, machine, cache):
        machine.cgroup("/other", limit=50 * MB)
        member = MemberSampler(
            machine.process(7), machine.procfs, frozenset(), cache, CgroupPaths("/other", None, None, ("/other",))
        )
        reads = [slow for slow in member.due(10.0) if slow.source == "cgroup"]
        member.accept(reads[0], reads[0].read(), 10.0, 0.0)
        assert member.look(10.1).cgroup == "/other"

    def test_oom_kills_are_told_once_for_all_members(self, member, machine, cache):
        other = MemberSampler(machine.process(8), machine.procfs, frozenset(), cache)
        make(member, 10.0)
        machine.cgroup("/app", limit=400 * MB, kills=3)
        make(member, 20.0)
        assert (other.oom_kills(), member.oom_kills()) == (3, 0)

    def test_at_the_end_of_a_process_they_are_counted_at_once(self, member, machine):
        make(member, 10.0)
        machine.cgroup("/app", limit=400 * MB, kills=1)
        assert member.oom_kills() == 0
        assert member.last_oom_kills() == 1

    def test_pressure_by_kind(self, member):
        assert member.pressure == {}
        make(member, 10.0)
        assert member.pressure == {"some": 0.05}


class TestGrowth:
    def test_a_process_that_grows_on_a_machine_without_limits(self, machine, cache):
        member = MemberSampler(
            machine.process(7, cgroup="/"), machine.procfs, frozenset({Quantity.TIME_TO_LIMIT}), cache
        )
        for second in range(70):
            machine.statm(7, 100_000, 1000 + 500 * second, 10)
            sample = member.look(100.0 + second)
            make(member, 100.0 + second)
        assert sample.value(Quantity.GROWTH) == pytest.approx(500 * PAGE, rel=0.05)
        assert sample.value(Quantity.TIME_TO_LIMIT) == pytest.approx(600 * MB / (500 * PAGE), rel=0.1)
        assert member.fastest == pytest.approx(500 * PAGE, rel=0.05)

    def test_one_at_rest_never_reaches_the_limit(self, machine, cache):
        member = MemberSampler(
            machine.process(7, cgroup="/"), machine.procfs, frozenset({Quantity.TIME_TO_LIMIT}), cache
        )
        for second in range(60):
            sample = member.look(100.0 + second)
            make(member, 100.0 + second)
        assert sample.value(Quantity.TIME_TO_LIMIT) == float("inf")
        assert sample.value(Quantity.GROWTH) == 0.0
        assert member.fastest == 0.0
