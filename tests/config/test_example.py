import pytest
import yaml
from tests.config.doubles import WHOLE, read

from brimwatch.act.kinds import ACTIONS
from brimwatch.config import tree
from brimwatch.config.load import load
from brimwatch.config.settings import Priority
from brimwatch.model import Budget, Condition, Threshold, Tier
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds


def share(quantity: Quantity, value: float) -> Threshold:
    return Threshold(quantity, value, relative=True)


def test_the_whole_of_it_loads_as_written() -> None:
    config = read(WHOLE)
    settings = (config.interval, config.dry_run, config.run_dir, config.retention, config.introspection_budget)
    assert settings == (1.0, False, "/run/brimwatch", 7 * 86400.0, 0.005)
    checkout, unit, batch, host = config.targets
    assert [target.name for target in config.targets] == ["checkout", "{unit}", "batch", "host"]
    assert (checkout.grouped, checkout.priority, checkout.policy) == (True, Priority.IMPORTANT, config.policies["web"])
    assert (unit.policy, host.match.host, host.policy) == (config.policies["observe"], True, config.policies["medical"])
    assert [[action.name for action in rule.do] for rule in batch.policy.tiers] == [["trim"], ["reclaim"], ["usr2"]]


def test_the_tiers_of_the_whole_of_it() -> None:
    web = read(WHOLE).policies["web"]
    warning, critical, emergency = web.tiers
    assert (web.cooldown, web.goal) == (60.0, Condition((share(Quantity.WORKING_SET, 0.6),)))
    assert warning.when.thresholds == (
        share(Quantity.WORKING_SET, 0.7),
        Threshold(Quantity.RSS, 1e8),
        Threshold(Quantity.THREADS, 8.0),
        Threshold(Quantity.PYTHON_OBJECTS, 50000.0),
    )
    assert (warning.tier, warning.hold, [action.name for action in warning.do]) == (Tier.WARNING, 30.0, ["trim"])
    assert (critical.hold, [action.name for action in critical.do]) == (0.0, ["reclaim", "usr1"])
    assert emergency.when.thresholds == (share(Quantity.WORKING_SET, 0.95), Threshold(Quantity.TIME_TO_LIMIT, 20.0))
    assert (emergency.readings, emergency.leave) == (2, Condition((share(Quantity.WORKING_SET, 0.8),)))
    assert [action.name for action in emergency.tell] == ["stacks", "pager"]
    assert [action.name for action in emergency.do] == ["ceiling", "reclaim", "restart"]


def test_the_actions_of_the_whole_of_it() -> None:
    actions = read(WHOLE).actions
    expected = {
        "gc": "hook", "trim": "hook", "reclaim": "hook", "stacks": "stacks", "purge": "hook", "usr1": "signal",
        "usr2": "signal", "cleanup": "exec", "pager": "webhook", "drop": "webhook", "brake": "cgroup",
        "squeeze": "cgroup", "ceiling": "rlimit", "restart": "signal",
    }  # fmt: skip
    assert expected == {name: action.kind for name, action in actions.items()}
    restart = actions["restart"]
    assert restart.options == ("signal", "grace", "then")
    assert restart.only_if == Condition((share(Quantity.WORKING_SET, 0.95),))
    assert (restart.at_most, actions["usr1"].settle) == (Budget(2, Seconds(3600.0)), 3.0)
    assert actions["brake"].options == ("cgroup", "max")


def test_what_the_whole_of_it_is_told_that_is_no_fault() -> None:
    assert read(WHOLE).notices == (
        "action purge is used by no policy",
        "action cleanup is used by no policy",
        "action drop is used by no policy",
        "action brake is used by no policy",
        "action squeeze is used by no policy",
        "action restart: ends a process; where nothing supervises the process, it stays down",
    )


def test_the_kinds_of_action_that_there_are_accept_it() -> None:
    config = load(WHOLE, "whole.yaml", ACTIONS)
    ending = [action.name for action in config.actions.values() if action.ends_process]
    asking = [action.name for action in config.actions.values() if action.kind == "hook" and action.cooperative]
    assert (ending, asking) == (["restart"], ["gc", "trim", "reclaim", "purge"])


def test_the_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(WHOLE)
    monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)
    assert expected == read(WHOLE)
