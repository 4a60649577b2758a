"""Is a rate kept, and is a burst let through?"""

from brimwatch.units import Seconds
from brimwatch.web.bucket import Bucket


def test_a_burst_goes_through_and_then_one_for_each_interval() -> None:
    bucket = Bucket(Seconds(2.0), 3)

    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(at) for at in (1.9, 2.1, 2.2, 4.2)] == [False, True, False, True]


def test_a_rest_fills_it_up_to_the_burst_and_no_further() -> None:
    bucket = Bucket(Seconds(1.0), 2)
    bucket.take(0.0)

    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]
