import pytest
from tests.sample.app_cgroup import APP, ONE, TWO, read, whole

from brimwatch.model import Limit, ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.quantity import Quantity

MB = 1_000_000


class TestSharing:
    def test_members_of_one_cgroup_share_one_sampler(self, cache):
        assert cache.join(APP, ONE, False) is cache.join(APP, TWO, False)
        assert len(cache) == 1

    def test_another_hierarchy_than_memory_makes_no_difference(self, cache):
        other = APP._replace(systemd_v1="/elsewhere", paths=("/app", "/elsewhere"))
        assert cache.join(APP, ONE, False) is cache.join(other, TWO, False)

    def test_it_goes_with_its_last_member(self, cache):
        sampler = cache.join(APP, ONE, False)
        cache.join(APP, TWO, False)
        cache.leave(sampler, ONE)
        assert len(cache) == 1
        cache.leave(sampler, TWO)
        assert len(cache) == 0

    def test_a_hundred_members_read_the_files_once(self, cache, machine):
        machine.cgroup("/app", usage=300 * MB)
        members = [ProcessId(pid, 100) for pid in range(100, 200)]
        samplers = [cache.join(APP, member, True) for member in members]
        given = [slow.source for one, member in zip(samplers, members, strict=True) for slow in one.due(10.0, member)]
        assert sorted(given) == ["cgroup", "pressure"]

    def test_members_looked_at_together_share_one_look(self, sampler, machine):
        read(sampler, 10.0)
        sampler.look(10.5)
        first = sampler.readings
        sampler.look(10.5)
        sampler.look(10.501)
        assert sampler.readings is first
        sampler.look(10.503)
        assert sampler.readings is not first

    def test_its_descriptors_go_with_it(self, cache, machine):
        machine.cgroup("/app", usage=300 * MB)
        sampler = cache.join(APP, ONE, True)
        read(sampler, 10.0)
        assert machine.held() == 2
        cache.leave(sampler, ONE)
        assert machine.held() == 0


class TestFigures:
    def test_nothing_is_known_before_the_first_read(self, sampler):
        sampler.look(10.0)
        assert (sampler.readings, sampler.limit, sampler.headroom, sampler.name) == ({}, None, None, None)

    def test_limit_headroom_and_working_set(self, sampler):
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.limit == Limit(400 * MB, "cgroup")
        assert sampler.headroom == 150 * MB
        assert sampler.name == "/app"
        assert sampler.readings[Quantity.WORKING_SET] == (250 * MB, 10.5, 1.0)
        assert sampler.readings[Quantity.MEMORY_USED] == (0.625, 10.5, 1.0)

    def test_each_look_reads_the_usage(self, sampler, machine):
        read(sampler, 10.0)
        (machine.cg / "app" / "memory.current").write_text(f"{350 * MB}\n")
        sampler.look(10.5)
        assert sampler.readings[Quantity.WORKING_SET].value == 300 * MB
        assert sampler.headroom == 100 * MB

    def test_but_not_where_no_policy_asks(self, cache, machine):
        machine.cgroup("/app", limit=400 * MB, usage=300 * MB)
        sampler = cache.join(APP, ONE, wanted=False)
        read(sampler, 10.0)
        (machine.cg / "app" / "memory.current").write_text(f"{350 * MB}\n")
        sampler.look(10.5)
        assert sampler.readings[Quantity.WORKING_SET] == (300 * MB, 10.0, 2.0)

    def test_a_limit_that_is_changed_is_seen_with_the_next_read(self, sampler, machine):
        read(sampler, 10.0)
        (machine.cg / "app" / "memory.max").write_text(f"{260 * MB}\n")
        assert read(sampler, 11.0) == ["cgroup"]
        sampler.look(11.1)
        assert sampler.limit == Limit(260 * MB, "cgroup")
        assert sampler.headroom == 10 * MB

    def test_it_is_read_each_second_where_a_policy_asks(self, sampler):
        read(sampler, 10.0)
        read(sampler, 11.0)
        read(sampler, 12.0)
        assert read(sampler, 12.5) == []
        assert "cgroup" in read(sampler, 13.0)

    def test_growth_is_charged_above_too(self, cache, machine):
        machine.cgroup("/pod", limit=500 * MB, usage=450 * MB)
        machine.cgroup("/pod/app", limit=400 * MB, usage=100 * MB)
        sampler = cache.join(CgroupPaths("/pod/app", None), ONE, True)
        read(sampler, 10.0)
        (machine.cg / "pod" / "app" / "memory.current").write_text(f"{120 * MB}\n")
        sampler.look(10.5)
        assert sampler.headroom == 30 * MB

    def test_the_machine_is_above_every_cgroup(self, sampler, machine):
        machine.meminfo(available=20 * MB)
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.limit == Limit(400 * MB, "cgroup")
        assert sampler.headroom == whole(20 * MB)

    def test_a_limit_beyond_the_machine_is_none(self, cache, machine):
        machine.cgroup("/app", limit=2000 * MB, usage=300 * MB)
        sampler = cache.join(APP, ONE, True)
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.limit == Limit(whole(1000 * MB), "machine")
        assert sampler.headroom == whole(600 * MB)
        assert sampler.readings[Quantity.MEMORY_USED].value == pytest.approx(0.4)
        assert sampler.readings[Quantity.WORKING_SET].value == 300 * MB

    def test_without_a_cgroup_the_machine_is_the_limit(self, cache):
        sampler = cache.join(CgroupPaths(None, None), ONE, True)
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.limit == Limit(whole(1000 * MB), "machine")
        assert sampler.name is None
        assert Quantity.WORKING_SET not in sampler.readings

    def test_where_not_even_the_machine_can_be_read_a_cgroup_still_has_its_limit(self, sampler, machine):
        (machine.proc / "meminfo").unlink()
        read(sampler, 10.0)
        sampler.look(10.5)
        assert (sampler.limit, sampler.headroom) == (Limit(400 * MB, "cgroup"), 150 * MB)

    def test_slow_looks_do_not_make_it_stale(self, cache, machine):
        machine.cgroup("/app", limit=400 * MB, usage=300 * MB)
        sampler = cache.join(APP, ONE, False)
        for now in (0.0, 30.0, 60.0):
            sampler.look(100 + now)
            read(sampler, 100.01 + now)
        sampler.look(190.0)
        assert sampler.limit == Limit(400 * MB, "cgroup")
        known = sampler.readings[Quantity.WORKING_SET]
        assert 190.0 - known.at <= 3 * known.cadence


class TestForecast:
    def test_a_cgroup_that_fills_up(self, sampler, machine):
        for second in range(70):
            machine.cgroup("/app", limit=400 * MB, usage=100 * MB + second * 2 * MB)
            read(sampler, 100.0 + second)
            sampler.look(100.5 + second)
        left = sampler.readings[Quantity.TIME_TO_LIMIT]
        assert left.value == pytest.approx((400 - 238) / 2, rel=0.1)
        assert sampler.fastest == pytest.approx(2 * MB, rel=0.1)

    def test_one_at_rest_never_reaches_its_limit(self, sampler, machine):
        for second in range(60):
            read(sampler, 100.0 + second)
            sampler.look(100.5 + second)
        assert sampler.readings[Quantity.TIME_TO_LIMIT].value == float("inf")


class TestPressure:
    def test_its_own(self, sampler):
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.readings[Quantity.PRESSURE] == (0.05, 10.0, 2.0)

    def test_the_machines_where_that_is_the_limit_and_there_is_no_other(self, cache, machine):
        machine.psi(30.0)
        sampler = cache.join(CgroupPaths("/", None), ONE, True)
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.readings[Quantity.PRESSURE].value == 0.3

    def test_never_the_machines_under_a_limit_of_its_own(self, sampler, machine):
        machine.psi(30.0)
        (machine.cg / "app" / "memory.pressure").unlink()
        read(sampler, 10.0)
        sampler.look(10.5)
        assert sampler.limit is not None
        assert sampler.limit.source == "cgroup"
        assert Quantity.PRESSURE not in sampler.readings


class TestOomKills:
    def test_what_was_before_does_not_count(self, cache, machine):
        machine.cgroup("/app", kills=5)
        sampler = cache.join(APP, ONE, True)
        read(sampler, 10.0)
        assert sampler.usage.take_oom_kills() == 0

    def test_each_is_told_once(self, sampler, machine):
        read(sampler, 10.0)
        machine.cgroup("/app", kills=2)
        read(sampler, 11.0)
        assert (sampler.usage.take_oom_kills(), sampler.usage.take_oom_kills()) == (2, 0)

    def test_at_the_end_of_a_process_they_are_counted_at_once(self, sampler, machine):
        read(sampler, 10.0)
        machine.cgroup("/app", kills=1)
        sampler.usage.look_for_oom_kills()
        assert sampler.usage.take_oom_kills() == 1
        read(sampler, 11.0)
        assert sampler.usage.take_oom_kills() == 0

    def test_a_cgroup_made_anew_counts_from_nothing(self, sampler, machine):
        machine.cgroup("/app", kills=5)
        read(sampler, 10.0)
        machine.cgroup("/app", kills=1)
        read(sampler, 11.0)
        assert sampler.usage.take_oom_kills() == 1
