import itertools
import random

import pytest

from brimwatch.sample.window import LONG_POINTS, Ring, Window

MB = 1e6


def fed(points, wanted: bool = True) -> Window:
    window = Window(wanted)
    for at, value in points:
        window.add(at, value)
    return window


def ramp(seconds: float, per_second: float, start: float = 100 * MB, gap: float = 1.0, begin: float = 1000.0):
    steps = round(seconds / gap)
    return [(begin + step * gap, start + step * gap * per_second) for step in range(steps + 1)]


class TestRing:
    def test_it_never_holds_more_than_its_capacity(self):
        ring = Ring(32, 60.0)
        for step in range(10_000):
            ring.add(step * 0.002, step)
            assert len(ring) <= 33

    def test_a_flood_of_looks_does_not_push_out_the_minutes_before(self):
        ring = Ring(48, 300.0)
        for step in range(240):
            ring.add(float(step), step)
        for step in range(5000):
            ring.add(240 + step * 0.002, 240)
        points = ring.points(250.0)
        assert points[0][0] < 30
        assert len(points) >= 20

    def test_points_are_about_evenly_apart(self):
        ring = Ring(48, 300.0)
        for step in range(3000):
            ring.add(step * 0.1, step)
        times = [time for time, _ in ring.points(300.0)]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert max(gaps) <= 2.5 * min(gaps)
        assert times[-1] - times[0] > 250

    def test_what_is_older_than_the_span_is_not_shown(self):
        ring = Ring(48, 10.0)
        for step in range(25):
            ring.add(float(step), step)
        assert [time for time, _ in ring.points(24.0)] == [float(step) for step in range(14, 25)]

    def test_what_is_twice_as_old_is_forgotten(self):
        ring = Ring(48, 10.0)
        ring.add(0.0, 1)
        ring.add(21.0, 2)
        assert len(ring) == 1

    def test_its_range(self):
        ring = Ring(8, 10.0)
        for at, value in enumerate((3, 1, 2)):
            ring.add(at, value)
        assert ring.range == (1, 3)


class TestGrowth:
    def test_too_young_to_tell(self):
        assert fed(ramp(4, 10 * MB)).slope is None

    def test_a_steady_ramp(self):
        slope = fed(ramp(120, 2 * MB)).slope
        assert slope is not None
        assert slope.bytes_per_second == pytest.approx(2 * MB, rel=0.02)

    def test_at_rest_nothing_grows(self):
        slope = fed(ramp(120, 0.0)).slope
        assert slope is not None
        assert (slope.bytes_per_second, slope.low, slope.high) == (0.0, 0.0, 0.0)

    def test_looks_each_two_milliseconds_tell_the_same_growth(self):
        points = ramp(60, 1 * MB)
        points += ramp(5, 1 * MB, points[-1][1], 0.002, points[-1][0] + 0.002)
        slope = fed(points).slope
        assert slope is not None
        assert slope.bytes_per_second == pytest.approx(1 * MB, rel=0.05)

    def test_growth_that_has_just_begun_is_seen_within_seconds(self):
        rest = ramp(280, 0.0)
        slope = fed(rest + ramp(8, 20 * MB, rest[-1][1], 1.0, rest[-1][0])[1:]).slope
        assert slope is not None
        assert slope.bytes_per_second == pytest.approx(20 * MB, rel=0.3)

    def test_growth_that_has_ended_is_over_within_seconds(self):
        rise = ramp(200, 2 * MB)
        slope = fed(rise + ramp(16, 0.0, rise[-1][1], 1.0, rise[-1][0])[1:]).slope
        assert slope is not None
        assert slope.bytes_per_second == pytest.approx(0.0, abs=0.2 * MB)

    def test_a_sawtooth_is_no_leak(self):
        points = [(float(at), 100 * MB + at % 20 * 5 * MB) for at in range(280)]
        window = Window(True)
        seen = []
        for at, value in points:
            window.add(at, value)
            if at > 60 and window.slope is not None:
                seen.append(window.slope.low)
        assert sum(low > 0.5 * MB for low in seen) <= len(seen) // 20

    def test_a_leak_under_noise(self):
        noise = random.Random(7)
        points = [(at, value + noise.gauss(0, 2 * MB)) for at, value in ramp(280, 0.5 * MB)]
        slope = fed(points).slope
        assert slope is not None
        assert slope.bytes_per_second == pytest.approx(0.5 * MB, rel=0.2)
        assert slope.low > 0

    def test_a_process_that_shrinks(self):
        slope = fed(ramp(120, -1 * MB, start=500 * MB)).slope
        assert slope is not None
        assert slope.bytes_per_second == pytest.approx(-1 * MB, rel=0.05)

    def test_looks_half_a_minute_apart(self):
        window = Window(True, interval=30.0)
        for at, value in ramp(900, 1 * MB, gap=30.0):
            window.add(at, value)
        assert window.slope is not None
        assert window.slope.bytes_per_second == pytest.approx(1 * MB, rel=0.02)

    def test_it_is_fitted_once_an_interval_at_most(self):
        window = Window(True)
        fits = set()
        for at, value in ramp(10, 1 * MB, gap=0.01):
            window.add(at, value)
            fits.add(window.fitted_at)
        assert len(fits) <= 11

    def test_and_less_often_where_no_policy_asks(self):
        assert (Window(True).period, Window(False).period) == (1.0, 5.0)


class TestTimeToLimit:
    def test_nothing_is_known_before_growth_is(self):
        assert fed(ramp(4, 10 * MB)).time_to_limit(100, 1000) is None

    def test_in_the_first_minute_growth_is_a_warm_up(self):
        window = fed(ramp(50, 2 * MB))
        assert window.time_to_limit(400 * MB, 600 * MB) is None

    def test_unless_it_has_filled_three_quarters_of_the_limit(self):
        window = fed(ramp(50, 2 * MB))
        assert window.time_to_limit(100 * MB, 600 * MB) == pytest.approx(50, rel=0.1)

    def test_after_that_it_counts(self):
        window = fed(ramp(70, 2 * MB))
        assert window.time_to_limit(400 * MB, 600 * MB) == pytest.approx(200, rel=0.1)

    def test_at_rest_no_limit_is_ever_met_however_young(self):
        assert fed(ramp(10, 0.0)).time_to_limit(400 * MB, 600 * MB) == float("inf")

    def test_a_job_that_is_a_third_larger_than_those_before_is_no_leak(self):
        jobs = [min(3 * (at % 60), 60 if at < 240 else 78) * MB if at % 60 < 40 else 0.0 for at in range(280)]
        window = fed([(float(at), 100 * MB + held) for at, held in enumerate(jobs)])
        assert window.time_to_limit(100 * MB, 300 * MB) == float("inf")


class TestFastest:
    def test_nothing_seen(self):
        assert Window(True).fastest(5.0) == 0.0

    def test_one_point_is_no_growth(self):
        assert fed([(10.0, 500 * MB)]).fastest(10.0) == 0.0

    def test_the_fastest_counts_not_the_last(self):
        window = fed([(10.0, 0.0), (11.0, 50 * MB), (12.0, 60 * MB), (13.0, 10 * MB)])
        assert window.fastest(13.0) == 50 * MB

    def test_it_is_kept_for_a_minute_and_not_for_two(self):
        window = fed([(10.0, 0.0), (11.0, 50 * MB), (12.0, 50 * MB)])
        assert window.fastest(71.0) == 50 * MB
        assert window.fastest(102.0) == 0.0

    def test_old_slots_go_one_by_one(self):
        points = [(10.0, 0.0), (11.0, 50 * MB), (45.0, 50 * MB), (46.0, 60 * MB)]
        window = fed(points)
        assert window.fastest(72.0) == 50 * MB
        assert window.fastest(105.0) == 10 * MB

    def test_a_batch_of_the_kernels_counters_is_no_flood(self):
        window = fed([(10.0, 0.0), (10.002, 0.25 * MB), (10.004, 0.25 * MB), (10.02, 0.25 * MB)])
        assert window.fastest(10.02) == pytest.approx(12.5 * MB)

    def test_a_flood_seen_in_small_steps_is_one(self):
        window = fed([(10 + step * 0.005, step * 5 * MB) for step in range(100)])
        assert window.fastest(10.5) == pytest.approx(1000 * MB, rel=0.01)


def test_capacity_is_bounded_for_ever():
    window = Window(True)
    for step in range(20_000):
        window.add(step * 0.05, step % 1000)
    assert len(window._long) <= LONG_POINTS + 1
