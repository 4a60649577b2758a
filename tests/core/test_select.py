"""Which of a target's subjects may climb now?"""

from brimwatch.core.select import Candidate, Turn, turns
from brimwatch.model import Policy, Tier

GO, WAIT, NOT_LARGEST = Turn.GO, Turn.WAIT, Turn.NOT_LARGEST


def one(
    key: str,
    held: float,
    cgroup: str = "/a",
    shared: bool = False,
    firing: bool = False,
    tier: int = 2,
    idle: bool = False,
) -> Candidate:
    return Candidate(key, Tier(tier), held, cgroup, shared, firing, idle)


def test_members_go_one_at_a_time_the_largest_first() -> None:
    assert turns([one("s", 1), one("l", 9)], Policy("p")) == {"l": GO, "s": WAIT}


def test_one_that_climbs_already_keeps_its_turn() -> None:
    assert turns([one("s", 1, firing=True), one("l", 9)], Policy("p")) == {"s": GO, "l": WAIT}


def test_one_whose_ladder_rests_takes_no_turn_from_others() -> None:
    assert turns([one("s", 1), one("m", 2), one("l", 9, idle=True)], Policy("p")) == {"l": GO, "m": GO, "s": WAIT}


def test_max_parallel_lets_more_go() -> None:
    assert turns([one("a", 3), one("b", 2), one("c", 1)], Policy("p", max_parallel=2)) == {"a": GO, "b": GO, "c": WAIT}


def test_in_an_emergency_everyone_goes() -> None:
    assert turns([one("a", 3, tier=3), one("b", 2, tier=3)], Policy("p")) == {"a": GO, "b": GO}


def test_of_a_limit_shared_through_one_cgroup_only_the_largest_is_asked_even_in_an_emergency() -> None:
    both = [one("a", 3, shared=True, tier=3), one("b", 2, shared=True, tier=3)]
    assert turns(both, Policy("p")) == {"a": GO, "b": NOT_LARGEST}


def test_each_cgroup_is_judged_once() -> None:
    found = turns(
        [one("a", 3, "/a", True), one("b", 2, "/b", True), one("c", 1, "/b", True)], Policy("p", max_parallel=9)
    )
    assert found == {"a": GO, "b": GO, "c": NOT_LARGEST}


def test_select_each_asks_everyone_of_a_shared_limit() -> None:
    assert turns([one("a", 3, shared=True), one("b", 2, shared=True)], Policy("p", select="each", max_parallel=2)) == {
        "a": GO,
        "b": GO,
    }


def test_select_largest_asks_only_the_largest_of_the_target() -> None:
    assert turns([one("a", 3, "/a"), one("b", 9, "/b")], Policy("p", select="largest")) == {"b": GO, "a": NOT_LARGEST}


def test_a_smaller_one_that_climbs_already_is_not_disturbed_by_a_larger_one() -> None:
    found = turns([one("s", 1, shared=True, firing=True), one("l", 9, shared=True)], Policy("p"))
    assert found == {"s": GO, "l": NOT_LARGEST}
