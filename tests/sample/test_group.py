import pytest

from brimwatch.model import Limit, Reading, Sample
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.group import SUMMED, fastest_growth, sum_samples
from brimwatch.sample.member import MemberSampler

MB = 1_000_000
MACHINE = Limit(8000 * MB, "machine")


APP = Limit(400 * MB, "cgroup")


def sample(
    cgroup: str | None = "/app", limit: Limit | None = APP, headroom: int | None = 100 * MB,
    at: float = 100.0, **values: float,
) -> Sample:  # fmt: skip
    readings = {Quantity(name): Reading(value, at, 1.0) for name, value in values.items()}
    return Sample(at, readings, limit, headroom, False, cgroup)


class TestSums:
    @pytest.mark.parametrize("quantity", SUMMED)
    def test_what_adds_up(self, quantity):
        found = sum_samples([sample(**{quantity: 1.0}), sample(**{quantity: 2.5})], 2, 100.0)
        assert found.value(quantity) == 3.5

    def test_one_member_is_its_own_sum(self):
        one = sample(rss=3 * MB, working_set=9 * MB, memory_used=9 / 400, time_to_limit=20.0, pressure=0.1)
        found = sum_samples([one], 1, 100.0)
        assert found == one

    def test_fragmentation_is_that_of_the_sums(self):
        found = sum_samples([sample(rss=10, vms=100), sample(rss=30, vms=300)], 2, 100.0)
        assert found.value(Quantity.VIRTUAL_FRAGMENTATION) == 0.9

    def test_holes_of_allocators_are_those_of_the_sums(self):
        small = sample(pymalloc_held=10 * MB, pymalloc_used=1 * MB, fragmentation=0.9, introspection_complete=1.0)
        large = sample(pymalloc_held=90 * MB, pymalloc_used=79 * MB, fragmentation=0.12, introspection_complete=0.5)
        found = sum_samples([small, large], 2, 100.0)
        assert found.value(Quantity.FRAGMENTATION) == pytest.approx(0.2)
        assert found.value(Quantity.INTROSPECTION_COMPLETE) == 0.5

    def test_the_worst_allocator_counts_unless_it_holds_next_to_nothing(self):
        glibc = {"glibc_held": 100 * MB, "glibc_used": 40 * MB}
        found = sum_samples([sample(pymalloc_held=MB, pymalloc_used=1, fragmentation=0.6, **glibc)], 1, 100.0)
        assert found.value(Quantity.FRAGMENTATION) == 0.6

    def test_where_allocators_are_not_told_apart_the_worst_member_counts(self):
        found = sum_samples([sample(fragmentation=0.2), sample(fragmentation=0.7)], 2, 100.0)
        assert found.value(Quantity.FRAGMENTATION) == 0.7

    def test_a_sum_is_as_old_as_its_oldest_part_and_as_slow_as_its_slowest(self):
        parts = [
            Sample(100.0, {Quantity.PSS: Reading(1, 70.0, 30.0)}),
            Sample(100.0, {Quantity.PSS: Reading(2, 60.0, 60.0)}),
        ]
        assert sum_samples(parts, 2, 100.0).readings[Quantity.PSS] == (3, 60.0, 60.0)

    def test_a_sum_of_nothing(self):
        with pytest.raises(ValueError, match="no samples"):
            sum_samples([], 2, 100.0)


class TestPartial:
    def test_whole(self):
        assert sum_samples([sample(rss=1), sample(rss=2)], 2, 100.0).partial is False

    def test_a_member_is_missing(self):
        assert sum_samples([sample(rss=1), sample(rss=2)], 3, 100.0).partial is True

    def test_a_wanted_quantity_is_missing_for_some(self):
        found = sum_samples([sample(rss=1, pss=1), sample(rss=2)], 2, 100.0, frozenset({Quantity.PSS}))
        assert (found.partial, found.value(Quantity.PSS)) == (True, 1)

    def test_a_resident_set_that_is_missing_for_some_counts_without_asking(self):
        assert sum_samples([sample(rss=1), sample(vms=2)], 2, 100.0).partial is True

    def test_a_quantity_that_nobody_asks_for_makes_no_sum_partial(self):
        assert sum_samples([sample(rss=1, pss=1), sample(rss=2)], 2, 100.0, frozenset({Quantity.RSS})).partial is False

    def test_a_quantity_that_is_missing_for_all_is_simply_missing(self):
        found = sum_samples([sample(rss=1), sample(rss=2)], 2, 100.0, frozenset({Quantity.PSS}))
        assert (found.partial, found.value(Quantity.PSS)) == (False, None)

    def test_a_stale_part_is_a_missing_one(self):
        fresh = Sample(100.0, {Quantity.SWAP: Reading(1, 99.0, 1.0)})
        stale = Sample(100.0, {Quantity.SWAP: Reading(2, 96.0, 1.0)})
        found = sum_samples([fresh, stale], 2, 100.0, frozenset({Quantity.SWAP}))
        assert (found.partial, found.value(Quantity.SWAP)) == (True, 1)


class TestOneCgroup:
    def test_what_all_share_is_taken_once(self):
        members = [sample(working_set=300 * MB, memory_used=0.75, pressure=0.2, rss=10 * MB) for _ in range(100)]
        found = sum_samples(members, 100, 100.0)
        assert found.value(Quantity.WORKING_SET) == 300 * MB
        assert found.value(Quantity.MEMORY_USED) == 0.75
        assert found.value(Quantity.PRESSURE) == 0.2
        assert found.value(Quantity.RSS) == 1000 * MB
        assert (found.limit, found.headroom, found.cgroup) == (Limit(400 * MB, "cgroup"), 100 * MB, "/app")

    def test_a_forecast_of_the_cgroup_is_not_hurried_by_the_members(self):
        members = [sample(growth=5 * MB, time_to_limit=40.0) for _ in range(10)]
        assert sum_samples(members, 10, 100.0).value(Quantity.TIME_TO_LIMIT) == 40.0


class TestSeveralCgroups:
    def test_they_add_up(self):
        members = [
            sample("/a", working_set=300 * MB, pressure=0.2),
            sample("/a", working_set=300 * MB, pressure=0.2),
            sample("/b", Limit(600 * MB, "cgroup"), 400 * MB, working_set=200 * MB, pressure=0.5),
        ]
        found = sum_samples(members, 3, 100.0)
        assert found.value(Quantity.WORKING_SET) == 500 * MB
        assert (found.limit, found.headroom, found.cgroup) == (Limit(1000 * MB, "cgroup"), 500 * MB, None)
        assert found.value(Quantity.MEMORY_USED) == 0.5
        assert found.value(Quantity.PRESSURE) == 0.5

    def test_a_cgroup_inside_another_is_counted_there(self):
        members = [sample("/a", working_set=300 * MB), sample("/a/b", working_set=200 * MB)]
        found = sum_samples(members, 2, 100.0)
        assert (found.value(Quantity.WORKING_SET), found.cgroup) == (300 * MB, "/a")

    def test_a_name_that_begins_alike_is_not_inside(self):
        members = [sample("/a", working_set=300 * MB), sample("/ab", working_set=200 * MB)]
        assert sum_samples(members, 2, 100.0).value(Quantity.WORKING_SET) == 500 * MB

    def test_the_machine_bounds_the_sum_where_it_bounds_a_member(self):
        members = [
            sample("/a", working_set=300 * MB, memory_used=0.75),
            sample("/b", MACHINE, 900 * MB, working_set=200 * MB, memory_used=0.3),
        ]
        found = sum_samples(members, 2, 100.0)
        assert (found.limit, found.headroom) == (MACHINE, 900 * MB)
        assert found.value(Quantity.MEMORY_USED) == 0.3

    def test_a_limit_that_is_not_known_is_not_left_out_of_a_sum(self):
        members = [sample("/a"), sample("/b", None, None)]
        found = sum_samples(members, 2, 100.0)
        assert (found.limit, found.headroom) == (None, None)

    def test_a_working_set_that_is_not_known_is_not_left_out_of_a_sum(self):
        members = [sample("/a", working_set=300 * MB), sample("/b")]
        assert sum_samples(members, 2, 100.0).value(Quantity.WORKING_SET) is None


class TestFastest:
    """Of members that are looked at for real: three in one cgroup, one in another."""

    @pytest.fixture
    def members(self, machine):
        cache = CgroupCache(machine.procfs)
        machine.cgroup("/a", usage=100 * MB)
        machine.cgroup("/b", usage=100 * MB)
        wanted = frozenset({Quantity.WORKING_SET})
        made = [
            MemberSampler(machine.process(pid, cgroup=cgroup), machine.procfs, wanted, cache)
            for pid, cgroup in ((1, "/a"), (2, "/a"), (3, "/a"), (4, "/b"))
        ]
        for member in made:
            for slow in member.due(100.0):
                member.accept(slow, slow.read(), 100.0, 0.0)
            member.look(100.1)
        return made

    def test_resident_sets_add_up(self, members, machine):
        for pid in (1, 2, 3, 4):
            machine.statm(pid, 10_000, 100 + 1000, 10)
        for member in members:
            member.look(101.1)
        assert fastest_growth(members) == pytest.approx(4 * 1000 * 4096)

    def test_a_cgroup_grows_once(self, members, machine):
        machine.cgroup("/a", usage=150 * MB)
        machine.cgroup("/b", usage=120 * MB)
        for member in members:
            member.look(101.1)
        assert fastest_growth(members) == pytest.approx(70 * MB)
        assert members[0].fastest == pytest.approx(50 * MB)


class TestForecast:
    def test_on_the_machines_memory_all_draw_together(self):
        members = [sample(None, MACHINE, 1000 * MB, growth=10 * MB, time_to_limit=100.0) for _ in range(5)]
        assert sum_samples(members, 5, 100.0).value(Quantity.TIME_TO_LIMIT) == pytest.approx(20.0)

    def test_where_nobody_gets_there_the_sum_does_not(self):
        members = [sample(None, MACHINE, 1000 * MB, growth=0.1, time_to_limit=float("inf")) for _ in range(5)]
        assert sum_samples(members, 5, 100.0).value(Quantity.TIME_TO_LIMIT) == float("inf")

    def test_of_several_cgroups_the_soonest(self):
        members = [sample("/a", time_to_limit=50.0), sample("/b", time_to_limit=30.0)]
        assert sum_samples(members, 2, 100.0).value(Quantity.TIME_TO_LIMIT) == 30.0
