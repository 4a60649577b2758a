import pytest

from brimwatch.hooks.tiers import COOLDOWN, Judgement, Lease

THRESHOLDS = {"warning": 100, "critical": 200, "emergency": 300}


def judged(thresholds: dict[str, int] = THRESHOLDS) -> Judgement:
    judgement = Judgement()
    judgement.thresholds = thresholds
    return judgement


@pytest.mark.parametrize(
    ("sizes", "tier"),
    [
        pytest.param([99], "calm", id="below the first threshold is calm"),
        pytest.param([100], "warning", id="at a threshold its tier is entered"),
        pytest.param([1000], "emergency", id="a jump enters the highest tier at once"),
        pytest.param([250, 185], "critical", id="above 90 % of where it was entered a tier stays"),
        pytest.param([250, 179], "warning", id="below 90 % it is left for the one below"),
        pytest.param([250, 89], "calm", id="below 90 % of all of them it is calm"),
        pytest.param([250, None], "critical", id="what cannot be measured changes nothing"),
        pytest.param([95], "calm", id="the 90 % are no threshold for entering"),
    ],
)
def test_the_resident_set_decides(sizes: list[int], tier: str) -> None:
    judgement = judged()
    for size in sizes:
        judgement.judge(size, 0.0)
    assert (tier, "own") == (judgement.tier, judgement.source)


def test_a_daemon_is_believed_until_its_word_expires() -> None:
    judgement = judged()
    assert judgement.tell("emergency", 10.0, None)
    assert not judgement.judge(50, 9.9)
    assert (judgement.tier, judgement.source) == ("emergency", "daemon")
    assert judgement.judge(50, 10.0)
    assert (judgement.tier, judgement.source) == ("calm", "own")


def test_without_thresholds_nobody_knows_and_that_is_calm() -> None:
    judgement = judged({})
    judgement.tell("critical", 1.0, None)
    assert judgement.judge(10**12, 2.0)
    assert (judgement.tier, judgement.source) == ("calm", "nobody")


def test_thresholds_that_a_daemon_tells_take_the_place_of_those_before() -> None:
    judgement = judged()
    judgement.tell("calm", 1.0, {"critical": 500})
    judgement.judge(450, 2.0)
    assert judgement.tier == "calm"


def test_a_tier_is_acted_on_once_in_each_cooldown() -> None:
    judgement = judged()
    judgement.judge(250, 0.0)
    assert [judgement.due(now) for now in (0.0, 1.0, COOLDOWN - 0.1, COOLDOWN)] == [True, False, False, True]


def test_a_higher_tier_waits_for_no_cooldown_and_one_entered_anew_is_a_new_occasion() -> None:
    judgement = judged()
    judgement.judge(250, 0.0)
    assert judgement.due(0.0)
    judgement.judge(350, 1.0)
    assert judgement.due(1.0)
    judgement.judge(10, 2.0)
    assert not judgement.due(2.0)
    judgement.judge(250, 3.0)
    assert judgement.due(3.0)
    assert judgement.warnings == 3


def test_what_a_daemon_says_is_not_acted_on_by_ourselves() -> None:
    judgement = judged()
    judgement.tell("emergency", 10.0, None)
    assert not judgement.due(0.0)


def test_what_is_needed_leads_below_the_tier() -> None:
    judgement = judged({"critical": 1000})
    judgement.judge(1500, 0.0)
    assert judgement.needed(1500) == 601
    assert judgement.severity(1500) == 1.5


def alive(pid: int) -> bool:
    return pid != 66


def test_a_lease_is_for_one_daemon_until_it_expires() -> None:
    lease = Lease(alive)
    assert [lease.take(who, 10.0, now) for who, now in (((1, ""), 0.0), ((2, ""), 9.0), ((2, ""), 10.0))] == [
        None, "busy", None,
    ]  # fmt: skip


def test_a_lease_is_renewed_and_never_shortened_by_its_holder() -> None:
    lease = Lease(alive)
    lease.take((1, "a"), 100.0, 0.0)
    lease.take((1, "a"), 1.0, 10.0)
    assert lease.until == 100.0
    lease.take((1, "a"), 100.0, 50.0)
    assert lease.until == 150.0


def test_two_daemons_beyond_our_pid_namespace_are_told_apart_by_their_names() -> None:
    lease = Lease(alive)
    assert lease.take((0, "a"), 10.0, 0.0) is None
    assert lease.take((0, "b"), 10.0, 0.0) == "busy"


def test_a_dead_daemon_holds_no_lease() -> None:
    lease = Lease(alive)
    lease.take((66, ""), 10.0, 0.0)
    assert lease.take((1, ""), 10.0, 1.0) is None
