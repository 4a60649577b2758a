"""May a rung that ends processes run once more?"""

from dataclasses import replace

from brimwatch.core.budget import Spent
from brimwatch.model import Action, Budget

RESTART = Action("restart", "signal", None, ends_process=True)
OFTEN = replace(RESTART, at_most=Budget(10, 3600.0))


def test_a_new_pid_resets_nothing_because_the_target_name_counts() -> None:
    spent = Spent().spend("shop", RESTART, 0.0)
    assert not spent.allows("shop", RESTART, 599.0)
    assert spent.allows("shop", RESTART, 600.0)


def test_another_target_has_its_own_budget() -> None:
    assert Spent().spend("shop", RESTART, 0.0).allows("mail", RESTART, 1.0)


def test_three_endings_an_hour_are_the_hosts_budget_whatever_the_actions_say() -> None:
    spent = Spent()
    for at, target in enumerate(("a", "b", "c")):
        assert spent.allows(target, OFTEN, at)
        spent = spent.spend(target, OFTEN, at)
    assert not spent.allows("d", OFTEN, 3599.0)
    assert spent.allows("d", OFTEN, 3600.0)


def test_it_says_when_the_later_of_two_budgets_allows_it_again() -> None:
    spent = Spent().spend("a", RESTART, 0.0)
    assert spent.until("a", RESTART, 10.0) == 600.0
    spent = spent.spend("b", RESTART, 20.0).spend("c", RESTART, 30.0)
    assert spent.until("a", RESTART, 40.0) == 3600.0
    assert spent.until("a", RESTART, 3600.0) is None


def test_what_came_back_out_of_order_or_too_often_counts_by_its_time() -> None:
    spent = Spent({("a", "restart"): (500.0, 100.0, 400.0)})
    assert spent.until("a", replace(RESTART, at_most=Budget(2, 600.0)), 600.0) == 1000.0


def test_a_run_that_sent_nothing_is_given_back() -> None:
    spent = Spent().spend("shop", RESTART, 5.0).refund("shop", RESTART, 5.0)
    assert spent.allows("shop", RESTART, 6.0)


def test_rungs_without_a_budget_are_not_counted() -> None:
    assert Spent().spend("shop", Action("usr1", "signal", None), 0.0).runs == {}


def test_runs_that_no_budget_sees_any_more_are_dropped() -> None:
    spent = Spent()
    for hour in range(100):
        spent = spent.spend("shop", RESTART, hour * 3600.0)
    assert {key: len(times) for key, times in spent.runs.items()} == {("shop", "restart"): 1, ("", ""): 1}


def test_runs_of_an_earlier_run_of_the_daemon_count_as_well() -> None:
    earlier = Spent({("a", "x"): (1.0, 2.0), ("b", "x"): (1.0,)})
    ours = Spent({("a", "x"): (3.0,)})
    assert ours.with_earlier(earlier).runs == {("a", "x"): (1.0, 2.0, 3.0), ("b", "x"): (1.0,)}


def test_of_targets_that_come_and_go_nothing_stays_that_no_budget_sees() -> None:
    spent, actions = Spent(), {"restart": RESTART}
    for number in range(100):
        spent = spent.spend(f"container-{number}", RESTART, float(number))
    assert len(spent.pruned(actions, 690.0).runs) == 10  # one for the host
    assert spent.pruned(actions, 4000.0).runs == {}


def test_what_a_budget_may_still_see_stays_and_so_does_an_action_that_a_reload_took_away() -> None:
    spent = Spent().spend("shop", OFTEN, 0.0)
    assert spent.pruned({"restart": OFTEN}, 3599.0) is spent
    assert ("shop", "restart") in spent.pruned({}, 1e6).runs
