import itertools
import shutil

import pytest
from tests.sample.app_member import EVERY, make, only

from brimwatch.model import Limit, ProcessId, Reading
from brimwatch.quantity import Quantity
from brimwatch.sample.member import MemberSampler

MB = 1_000_000
PAGE = 4096


class TestLook:
    def test_the_first_look_knows_what_statm_tells(self, member):
        sample = member.look(10.0)
        assert dict(sample.readings) == {
            Quantity.VMS: (1000 * PAGE, 10.0, 1.0),
            Quantity.RSS: (100 * PAGE, 10.0, 1.0),
            Quantity.ANON: (90 * PAGE, 10.0, 1.0),
            Quantity.VIRTUAL_FRAGMENTATION: (0.9, 10.0, 1.0),
            Quantity.PEAK_RSS: (100 * PAGE, 10.0, 1.0),
            Quantity.PROCESSES: (1.0, 10.0, 1.0),
        }
        assert (sample.limit, sample.headroom, sample.cgroup, sample.partial) == (None, None, None, False)

    def test_all_is_known_once_the_slow_reads_are_back(self, member):
        member.look(10.0)
        assert make(member, 10.0) == EVERY
        sample = member.look(11.0)
        assert sample.readings[Quantity.THREADS] == (3, 10.0, 5.0)
        assert sample.readings[Quantity.SWAP] == (8192, 10.0, 5.0)
        assert sample.readings[Quantity.PSS] == (307200, 10.0, 30.0)
        assert sample.readings[Quantity.USS] == (204800, 10.0, 30.0)
        assert sample.readings[Quantity.FDS] == (1, 10.0, 10.0)
        assert sample.readings[Quantity.WORKING_SET] == (300 * MB, 11.0, 1.0)
        assert sample.readings[Quantity.PRESSURE] == (0.05, 10.0, 2.0)
        assert sample.readings[Quantity.MEMORY_USED] == (0.75, 11.0, 1.0)
        assert (sample.limit, sample.headroom) == (Limit(400 * MB, "cgroup"), 100 * MB)
        assert sample.cgroup == "/app"

    def test_the_last_sample_is_kept(self, member):
        assert member.last is None
        sample = member.look(10.0)
        assert member.last is sample

    def test_a_sample_does_not_change_with_the_next_look(self, member, machine):
        sample = member.look(10.0)
        before = dict(sample.readings)
        machine.statm(7, 2000, 500, 10)
        make(member, 10.0)
        member.look(11.0)
        assert dict(sample.readings) == before

    def test_zero_is_never_a_value(self, member, machine):
        machine.statm(7, 0, 0, 0)
        sample = member.look(10.0)
        assert set(sample.readings) == {Quantity.PROCESSES}

    def test_all_swapped_out_is_not_measured_and_the_address_space_is(self, member, machine):
        machine.statm(7, 1000, 0, 0)
        sample = member.look(10.0)
        assert set(sample.readings) == {Quantity.PROCESSES, Quantity.VMS}

    def test_counters_that_contradict_each_other_give_no_nonsense(self, member, machine):
        machine.statm(7, 100, 110, 120)
        readings = member.look(10.0).readings
        assert Quantity.ANON not in readings
        assert Quantity.VIRTUAL_FRAGMENTATION not in readings

    def test_a_process_that_is_gone(self, member, machine):
        member.look(10.0)
        member._resident.close()
        shutil.rmtree(machine.proc / "7")
        with pytest.raises(ProcessLookupError):
            member.look(11.0)

    def test_a_process_that_was_never_there(self, machine, cache):
        member = MemberSampler(ProcessId(99, 1), machine.procfs, frozenset(), cache)
        with pytest.raises(ProcessLookupError):
            member.look(10.0)

    def test_a_malformed_statm_takes_nothing_else_along(self, member, machine):
        make(member, 10.0)
        (machine.proc / "7" / "statm").write_text("?\n")
        sample = member.look(10.1)
        assert Quantity.RSS not in sample.readings
        assert sample.value(Quantity.THREADS) == 3
        assert member.capable["statm"] is False
        machine.statm(7, 1000, 100, 10)
        member.look(10.2)
        assert member.capable["statm"] is True

    def test_a_value_measured_elsewhere_joins(self, member):
        member.note(Quantity.PYTHON_OBJECTS, Reading(50_000, 9.0, 60.0))
        assert member.look(10.0).readings[Quantity.PYTHON_OBJECTS] == (50_000, 9.0, 60.0)


class TestPeak:
    def test_the_highest_seen_until_the_kernel_tells(self, member, machine):
        member.look(10.0)
        machine.statm(7, 1000, 50, 10)
        assert member.look(11.0).value(Quantity.PEAK_RSS) == 100 * PAGE

    def test_the_kernel_knows_what_was_before_us(self, member):
        make(member, 10.0)
        assert member.look(10.1).value(Quantity.PEAK_RSS) == 800 * 1024

    def test_what_is_higher_since_counts_at_once(self, member, machine):
        make(member, 10.0)
        machine.statm(7, 1000, 900, 10)
        assert member.look(10.1).value(Quantity.PEAK_RSS) == 900 * PAGE

    def test_an_exec_begins_anew(self, member, machine):
        machine.statm(7, 1000, 900, 10)
        member.look(10.0)
        machine.statm(7, 1000, 100, 10)
        make(member, 11.0)
        assert member.look(11.1).value(Quantity.PEAK_RSS) == 800 * 1024


class TestCadence:
    def test_each_source_comes_again_in_its_own_time(self, member):
        seen: dict[str, list[float]] = {}
        for step in range(1200):
            now = 100 + step * 0.1
            member.look(now)
            for source in make(member, now):
                seen.setdefault(source, []).append(now)
        gaps = {source: [b - a for a, b in itertools.pairwise(times)][2:] for source, times in seen.items()}
        assert min(gaps["status"]) >= 4.4
        assert max(gaps["status"]) <= 5.1
        assert min(gaps["fd"]) >= 8.9
        assert min(gaps["smaps_rollup"]) >= 26.9
        assert max(gaps["smaps_rollup"]) <= 30.2
        assert max(gaps["cgroup"]) <= 1.15

    def test_a_costly_rollup_is_rare(self, member):
        member.look(10.0)
        slow = only(member, 10.0, "smaps_rollup")
        member.accept(slow, slow.read(), 10.0, cost=1.0)
        assert member.look(11.0).readings[Quantity.PSS].cadence == pytest.approx(2000.0)

    def test_looks_half_a_minute_apart_leave_nothing_stale(self, machine, cache):
        machine.cgroup("/app", limit=400 * MB, usage=300 * MB)
        member = MemberSampler(machine.process(7), machine.procfs, frozenset(), cache, interval=30.0)
        for now in (100.0, 130.0, 160.0, 190.0):
            sample = member.look(now)
            make(member, now + 0.01)
        assert [
            quantity for quantity, reading in sample.readings.items() if now - reading.at > 3 * reading.cadence
        ] == []
        assert {Quantity.THREADS, Quantity.FDS, Quantity.WORKING_SET} <= set(sample.readings)

    def test_the_read_that_may_get_stuck_is_given_out_last(self, member):
        assert [slow.source for slow in member.due(10.0)][-1] == "smaps_rollup"
        assert [slow.quick for slow in member.due(200.0)] == [True] * 5 + [False]
