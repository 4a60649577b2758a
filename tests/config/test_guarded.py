from typing import Any

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.act.send_signal import Sending
from brimwatch.config.guarded import COOLDOWN, INTERVAL, NAME, Flags, for_process, guard_config
from brimwatch.config.settings import Config
from brimwatch.errors import ConfigError
from brimwatch.model import Policy, Threshold, Tier
from brimwatch.quantity import Quantity
from brimwatch.units import parse_duration

FILE = """
global: {interval: 5s}
targets: [{name: other, match: {name: x}, policy: nowhere}]
policies: {batch: {extends: standard, tiers: {warning: {when: {rss: 1GB}, for: 10s, do: [ask]}}}}
actions: {ask: {signal: SIGUSR1}}
"""


def config(content: str = "{}", **flags: Any) -> Config:
    return guard_config(Flags(**flags), 42, ACTIONS, content, "file.yaml" if content != "{}" else "")


def policy(content: str = "{}", **flags: Any) -> Policy:
    return config(content, **flags).targets[0].policy


def faults(content: str = "{}", **flags: Any) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        config(content, **flags)
    return list(raised.value.faults)


def test_one_target_takes_the_command_and_its_descendants_as_a_group() -> None:
    made = for_process(config(), 4711)
    (target,) = made.targets
    assert (target.name, target.match.pid, target.match.children, target.grouped) == (NAME, 4711, True, True)
    assert made.interval == INTERVAL


def test_each_process_may_be_judged_by_itself() -> None:
    assert not config(grouped=False).targets[0].grouped


def test_without_flags_it_is_observe() -> None:
    assert policy().name == "observe"
    assert [rule.do for rule in policy().tiers] == [(), (), ()]


def test_conditions_of_one_flag_and_of_a_repeated_one_are_joined() -> None:
    (rule,) = policy(when={"warning": ["rss=1GB, threads=64", "working_set=85%"]}).tiers
    assert rule.tier is Tier.WARNING
    assert rule.hold == 0
    assert rule.when.thresholds == (
        Threshold(Quantity.RSS, 1e9),
        Threshold(Quantity.THREADS, 64),
        Threshold(Quantity.WORKING_SET, 0.85, True),
    )


def test_the_flags_are_all_the_tiers_where_no_policy_is_named() -> None:
    made = policy(when={"emergency": ["working_set=80%"]})
    assert [rule.tier for rule in made.tiers] == [Tier.EMERGENCY]
    assert made.cooldown == parse_duration(COOLDOWN)


def test_a_flag_overrides_the_condition_of_a_named_policy_and_nothing_else() -> None:
    plain, made = policy(policy="standard"), policy(policy="standard", when={"warning": ["rss=10%"]})
    assert made.tiers[0].when.thresholds == (Threshold(Quantity.RSS, 0.1, True),)
    assert (made.tiers[0].hold, made.tiers[0].do) == (plain.tiers[0].hold, plain.tiers[0].do)
    assert made.tiers[1:] == plain.tiers[1:]


def test_a_policy_of_the_file_is_found_and_its_targets_are_not_looked_at() -> None:
    made = config(FILE, policy="batch")
    assert made.interval == 5
    assert made.targets[0].name == NAME
    assert [action.name for action in made.targets[0].policy.tiers[0].do] == ["ask"]


def test_named_actions_replace_those_of_the_policy_and_the_signal_comes_last() -> None:
    made = policy(FILE, policy="batch", do={"warning": ["trim,gc"]}, signal={"warning": "USR2", "critical": "SIGUSR1"})
    assert [action.name for action in made.tiers[0].do] == ["trim", "gc", "warning-signal"]
    assert [action.name for action in made.tiers[1].do] == ["reclaim", "critical-signal"]


def test_a_signal_that_ends_gets_a_grace_and_a_second_rung_for_what_is_left() -> None:
    first, rest = policy(signal={"emergency": "SIGTERM"}, grace="5s").tiers[-1].do
    assert first.options == rest.options == Sending(15, 9, parse_duration("5s"))
    assert (first.name, rest.name) == ("emergency-signal", "emergency-signal-rest")
    assert first.on_parent
    assert first.ends_process
    assert first.at_most is not None


def test_sigkill_has_nothing_to_follow_it() -> None:
    first, _ = policy(signal={"emergency": "SIGKILL"}).tiers[-1].do
    assert first.options == Sending(9)


def test_no_note_warns_of_the_very_signal_that_was_asked_for() -> None:
    assert config(when={"emergency": ["rss=1GB"]}, signal={"emergency": "SIGTERM"}).notices == ()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(
            {"when": {"warning": ["rss=1XB"]}},
            "--warning: rss: found '1XB', wanted a size with a unit, such as 500MB, 1.5GiB or 512Mi, or a percentage "
            "of the limit such as 85%",
            id="a value",
        ),
        pytest.param(
            {"when": {"critical": ["rss"]}}, "--critical: found 'rss', wanted conditions such as rss=1GB,threads=64",
            id="no value",
        ),
        pytest.param(
            {"when": {"critical": ["rss=1GB", "rss=2GB"]}},
            "--critical: found 'rss' a second time, wanted it once",
            id="a quantity twice",
        ),
        pytest.param(
            {"when": {"warning": ["rss=2GB"], "critical": ["rss=1GB"]}},
            "--warning: rss: 2GB is above the enter of critical (1GB); warning would be entered after critical.",
            id="tiers in the wrong order",
        ),
        pytest.param(
            {"policy": "standrad"},
            "--policy: found 'standrad', wanted a policy that exists; did you mean standard?",
            id="a policy that is not there",
        ),
        pytest.param(
            {"do": {"warning": ["trin"]}},
            "--warning-do: found 'trin', wanted an action that exists; did you mean trim?",
            id="an action that is not there",
        ),
        pytest.param(
            {"signal": {"emergency": "SIGTREM"}},
            "--emergency-signal: found 'SIGTREM', wanted a signal's name, such as SIGUSR1 or SIGTERM; did you mean "
            "SIGTERM?",
            id="a signal that is not there",
        ),
        pytest.param(
            {"signal": {"emergency": "SIGFOO"}},
            "--emergency-signal: found 'SIGFOO', wanted a signal's name, such as SIGUSR1 or SIGTERM",
            id="a signal that is near to none",
        ),
        pytest.param(
            {"signal": {"emergency": "SIGTERM"}, "grace": "5"},
            "--grace: found '5', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="a grace without a unit",
        ),
        pytest.param(
            {"grace": "5s"},
            "--grace: found it alone, wanted a signal that ends a process, such as --emergency-signal SIGTERM; it is "
            "the time until SIGKILL",
            id="a grace for nothing",
        ),
    ],
)  # fmt: skip
def test_a_fault_names_its_flag(flags: dict[str, Any], expected: str) -> None:
    assert faults(**flags) == [f"brimwatch guard: {expected}"]


def test_no_process_is_ended_on_a_forecast_alone() -> None:
    found = faults(when={"emergency": ["time_to_limit=20s"]}, signal={"emergency": "SIGTERM"})
    assert "no process is ended on a forecast alone" in found[0]


def test_faults_of_the_file_and_of_the_flags_are_told_together() -> None:
    found = faults("policies: {a: {tiers: {warning: {when: {rss: 1}}}}}", when={"warning": ["x=1"]})
    assert found[0].startswith("file.yaml:1: policies.a.tiers.warning.when.rss: found '1'")
    assert found[1].startswith("brimwatch guard: --warning: x: found an unknown key")


def test_an_action_of_the_file_is_not_replaced_by_a_flags() -> None:
    found = faults("actions: {critical-signal: {signal: SIGUSR1}}", signal={"critical": "SIGUSR2"})
    assert "wanted that name free" in found[0]


@pytest.mark.parametrize("text", ["rss=1GB}, x: {", "\n", "rss=\x1b[2J", "=", ",", "rss=1GB,", "all=1", "rss=&a"])
def test_no_text_is_more_than_a_value(text: str) -> None:
    for line in faults(when={"warning": [text]}):
        assert line.startswith("brimwatch guard: --warning: ")
        assert line.isprintable()
