import pytest

from brimwatch.quantity import Quantity
from brimwatch.sample.schedule import LONGEST_PAUSE, SHORT_PAUSE, Loads, Schedule
from brimwatch.sample.sources import (
    CGROUP,
    CGROUP_PATH,
    DESCRIPTORS,
    PRESSURE,
    SMAPS_ROLLUP,
    STATUS,
    Source,
)

EVERY = (STATUS, SMAPS_ROLLUP, DESCRIPTORS, CGROUP_PATH, CGROUP, PRESSURE)
PLAIN = Source("plain", frozenset({Quantity.PSS}), 10.0, 5.0, 0.001, 0.01, 0.5)


def settled(source: Source = PLAIN, wanted: bool = False, loads: Loads | None = None, cost: float = 0.0) -> Schedule:
    """One that has been read at 0 s and, its stagger over, again when it was due."""
    plan = Schedule(source, wanted, loads or Loads(), 0)
    plan.due(0.0)
    plan.begin(0.0)
    plan.succeeded(0.0, cost)
    plan.begin(100.0)
    plan.succeeded(100.01, cost)
    return plan


def first_due(plan: Schedule, start: float = 0.0, step: float = 0.01) -> float:
    now = start
    while not plan.due(now):
        now += step
        assert now < start + 100_000
    return now


class TestCadence:
    def test_a_new_one_is_due_at_once(self):
        assert Schedule(PLAIN, False, Loads(), 7).due(50.0)

    def test_it_is_due_again_after_its_cadence_counted_from_the_begin_of_the_read(self):
        plan = settled()
        assert not plan.due(108.9)
        assert plan.due(110.0)

    def test_a_look_a_little_early_reads_rather_than_wait_for_a_whole_look(self):
        assert settled().due(109.0)

    def test_a_policy_that_asks_has_it_read_more_often(self):
        assert settled(wanted=True).cadence == 5.0
        assert settled(wanted=False).cadence == 10.0

    def test_only_one_read_is_out_at_a_time(self):
        plan = settled()
        plan.begin(110.0)
        assert not plan.due(125.0)
        assert not plan.due(125.0, at_once=True)

    def test_a_read_that_nobody_brings_back_is_given_out_again(self):
        plan = settled()
        plan.begin(110.0)
        assert plan.due(231.0)

    def test_everything_at_once_is_before_its_time(self):
        assert settled().due(100.5, at_once=True)

    def test_hastened_it_is_due_now(self):
        plan = settled()
        plan.hasten()
        assert plan.due(100.5)


class TestCost:
    def test_a_costly_read_is_made_so_seldom_that_its_share_holds(self):
        plan = settled(cost=1.0)
        assert plan.cadence == pytest.approx(1000.0)

    def test_a_cheap_read_is_not_made_more_often(self):
        assert settled(cost=1e-6).cadence == 10.0

    def test_one_dear_read_is_averaged(self):
        plan = settled(cost=0.01)
        plan.begin(200.0)
        plan.succeeded(200.0, 0.11)
        assert plan.cadence == pytest.approx((0.01 + 0.3 * 0.1) / 0.001)

    def test_a_gigabyte_of_smaps_stays_below_a_two_thousandth_of_a_core(self):
        plan = settled(SMAPS_ROLLUP, cost=0.016)
        assert plan.cadence == pytest.approx(32.0)

    def test_together_they_stay_within_the_total(self):
        loads = Loads()
        plans = [settled(loads=loads, cost=0.005) for _ in range(100)]
        # The last to be read knows them all: 100 reads of 5 ms each 10 s were 5 % of a core, and 1 % is allowed.
        assert plans[-1].cadence == pytest.approx(50.0)
        assert sum(0.005 / plans[-1].cadence for _ in plans) == pytest.approx(PLAIN.total)

    def test_what_a_policy_asks_for_is_put_off_fivefold_at_most(self):
        loads = Loads()
        for _ in range(1000):
            settled(loads=loads, cost=0.005)
        assert settled(wanted=True, loads=loads, cost=0.005).cadence == 25.0

    def test_who_leaves_makes_room(self):
        loads = Loads()
        plans = [settled(loads=loads, cost=0.005) for _ in range(100)]
        for plan in plans[1:]:
            plan.close()
        assert loads.stretch(PLAIN, False) == 1.0


class TestStagger:
    @pytest.mark.parametrize("source", EVERY, ids=lambda source: source.name)
    def test_a_thousand_that_begin_together_do_not_fall_due_in_one_look(self, source):
        loads = Loads()
        plans = [Schedule(source, False, loads, number) for number in range(1000)]
        at_once = sum(plan.due(0.0) for plan in plans)
        assert at_once <= 65

    @pytest.mark.parametrize("source", EVERY, ids=lambda source: source.name)
    def test_a_thousand_are_all_read_within_a_cadence_or_so(self, source):
        loads = Loads()
        plans = [Schedule(source, False, loads, number) for number in range(1000)]
        for plan in plans:
            plan.due(0.0)
        assert all(plan.due(max(30.0, source.cadence)) for plan in plans)

    def test_a_few_are_read_at_once(self):
        loads = Loads()
        assert all(Schedule(SMAPS_ROLLUP, False, loads, number).due(0.0) for number in range(50))

    def test_those_that_began_together_part(self):
        loads = Loads()
        plans = [Schedule(PLAIN, False, loads, number) for number in range(50)]
        for plan in plans:
            plan.due(0.0)
            plan.begin(0.0)
            plan.succeeded(0.0, 0.0)
        moments = [round(first_due(plan)) for plan in plans]
        assert max(moments.count(moment) for moment in moments) <= 12
        assert len(set(moments)) >= 6


class TestFailure:
    def test_the_pauses_double_up_to_ten_minutes(self):
        plan = settled(PLAIN._replace(quick=False))
        now, pauses = 200.0, []
        for _ in range(8):
            plan.begin(now)
            plan.failed(now, "no answer in time", timed_out=True)
            due = first_due(plan, now, 0.5)
            pauses.append(round(due - now))
            now = due
        assert pauses[0] == pytest.approx(20, abs=2)
        assert pauses[1] == pytest.approx(40, abs=2)
        assert pauses[-1] == pytest.approx(LONGEST_PAUSE, abs=2)
        assert pauses == sorted(pauses)

    def test_after_a_thousand_failures_it_is_still_tried(self):
        plan = settled()
        for _ in range(1000):
            plan.failed(200.0, "Permission denied")
        assert plan.due(200.0 + LONGEST_PAUSE)

    def test_it_says_why_and_forgets_it_with_the_next_success(self):
        plan = settled()
        plan.failed(200.0, "Permission denied")
        assert plan.reason == "Permission denied"
        plan.succeeded(220.0, 0.0)
        assert plan.reason == ""

    def test_without_a_reason_it_is_tried_soon(self):
        plan = settled()
        for _ in range(20):
            plan.failed(200.0, None)
        assert plan.reason == ""
        assert plan.due(200.0 + SHORT_PAUSE)

    def test_a_quick_read_that_was_kept_waiting_is_tried_soon(self):
        plan = settled()
        for _ in range(20):
            plan.failed(200.0, "no answer in time", timed_out=True)
        assert plan.due(200.0 + SHORT_PAUSE)

    def test_a_read_that_was_given_back_is_due_as_before(self):
        plan = settled()
        plan.begin(110.0)
        plan.give_back()
        assert plan.due(110.0)
