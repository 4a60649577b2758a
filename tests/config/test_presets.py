import pytest
from tests.config.doubles import KINDS

from brimwatch.config.load import load
from brimwatch.config.presets import default_config, single_process_config
from brimwatch.config.settings import Config, Match
from brimwatch.errors import ConfigError
from brimwatch.model import Condition, Policy, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

NAMES = ("observe", "basic", "standard", "aggressive", "small", "medical")
RSS, USED = Quantity.RSS, Quantity.MEMORY_USED


@pytest.fixture(scope="module")
def config() -> Config:
    return default_config(KINDS)


def enters(policy: Policy) -> list[tuple[Threshold, ...]]:
    assert [rule.tier for rule in policy.tiers] == [Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY]
    return [rule.when.thresholds for rule in policy.tiers]


def rungs(policy: Policy) -> list[list[str]]:
    return [[action.name for action in (*rule.tell, *rule.do)] for rule in policy.tiers]


def of_the_limit(warning: float, critical: float, emergency: float) -> list[tuple[Threshold, ...]]:
    quantities = (Quantity.WORKING_SET, RSS)
    return [
        tuple(Threshold(quantity, share, relative=True) for quantity in quantities)
        for share in (warning, critical, emergency)
    ]


def test_the_built_in_policies_have_their_names(config: Config) -> None:
    assert tuple(config.policies) == NAMES


def test_built_in_actions_ask_and_tell(config: Config) -> None:
    assert {name: (action.kind, action.cooperative, action.tells) for name, action in config.actions.items()} == {
        "gc": ("hook", True, False),
        "trim": ("hook", True, False),
        "reclaim": ("hook", True, False),
        "stacks": ("stacks", False, True),
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_built_in_policy_ends_writes_or_runs_anything(config: Config, name: str) -> None:
    rules = config.policies[name].tiers
    assert all(action.tells for rule in rules for action in rule.tell)
    assert {action.kind for rule in rules for action in rule.do} <= {"hook"}


@pytest.mark.parametrize("name", NAMES)
def test_no_built_in_policy_tells_of_anything_but_an_emergency(config: Config, name: str) -> None:
    assert not any(rule.tell for rule in config.policies[name].tiers if rule.tier is not Tier.EMERGENCY)


def test_observe_has_tiers_and_no_action(config: Config) -> None:
    assert rungs(config.policies["observe"]) == [[], [], []]
    assert enters(config.policies["observe"]) == of_the_limit(0.8, 0.9, 0.95)


@pytest.mark.parametrize(
    ("name", "shares", "forecast", "expected"),
    [
        pytest.param("basic", (0.8, 0.9, 0.95), None, [[], ["trim"], ["stacks", "reclaim"]], id="basic asks late"),
        pytest.param(
            "standard", (0.7, 0.85, 0.95), 10.0, [["trim"], ["reclaim"], ["stacks", "reclaim"]], id="standard"
        ),
        pytest.param(
            "aggressive",
            (0.45, 0.7, 0.85),
            30.0,
            [["gc", "trim"], ["reclaim"], ["stacks", "reclaim"]],
            id="aggressive asks early",
        ),
    ],
)
def test_the_three_levels_are_fractions_of_the_limit(
    config: Config, name: str, shares: tuple[float, float, float], forecast: float | None, expected: list[list[str]]
) -> None:
    policy = config.policies[name]
    thresholds = of_the_limit(*shares)
    if forecast is not None:
        thresholds[2] += (Threshold(Quantity.TIME_TO_LIMIT, forecast),)
    assert (thresholds, expected) == (enters(policy), rungs(policy))


def test_a_level_is_asked_sooner_and_more_often_the_higher_it_is(config: Config) -> None:
    levels = [config.policies[name] for name in ("basic", "standard", "aggressive")]
    assert [level.cooldown for level in levels] == [120.0, 60.0, 30.0]
    assert [level.tiers[0].hold for level in levels] == [60.0, 30.0, 10.0]


def test_small_has_the_sizes_of_a_small_service(config: Config) -> None:
    small = config.policies["small"]
    assert enters(small) == [
        (
            Threshold(RSS, 100e6),
            Threshold(Quantity.VMS, 500e6),
            Threshold(Quantity.THREADS, 8.0),
            Threshold(Quantity.PYTHON_OBJECTS, 50_000.0),
        ),
        (Threshold(RSS, 200e6),),
        (Threshold(RSS, 500e6),),
    ]
    assert rungs(small) == [["trim"], ["reclaim"], ["stacks", "reclaim"]]


def test_medical_waits_for_two_critical_readings_and_wants_half_of_the_machine(config: Config) -> None:
    medical = config.policies["medical"]
    assert enters(medical) == [(Threshold(USED, 0.7),), (Threshold(USED, 0.85),), (Threshold(USED, 0.9),)]
    assert [rule.readings for rule in medical.tiers] == [1, 2, 2]
    assert medical.goal == Condition((Threshold(USED, 0.5),))
    assert rungs(medical) == [["trim"], ["reclaim"], ["stacks", "reclaim"]]


def test_medical_watches_the_host() -> None:
    config = load("targets: [{name: host, match: {host: true}, policy: medical}]", "f.yaml", KINDS)
    assert config.targets[0].policy is config.policies["medical"]
    assert config.notices == ()


def test_without_a_file_agents_are_asked_and_the_rest_is_observed(config: Config) -> None:
    assert [(target.name, target.match, target.policy.name, target.grouped) for target in config.targets] == [
        ("{comm}", Match(agent=True), "standard", False),
        ("{container}", Match(container="*"), "observe", True),
        ("{unit}", Match(unit="*.service"), "observe", True),
        ("host", Match(host=True), "observe", False),
    ]
    assert (config.source, config.interval, config.dry_run, config.notices) == ("embedded default", 1.0, False, ())


def test_a_single_process_needs_no_file() -> None:
    config = single_process_config(4711, Seconds(30.0), KINDS)
    (target,) = config.targets
    assert (target.name, target.match, target.policy.name) == ("pid-4711", Match(pid=4711), "standard")
    assert (config.interval, config.source) == (30.0, "command line")


def test_a_single_process_is_looked_at_by_default_as_often_as_any() -> None:
    assert single_process_config(1, None, KINDS).interval == 1.0
    assert single_process_config(1, Seconds(0.01), KINDS).interval == 0.01


def test_a_single_process_under_another_policy() -> None:
    target = single_process_config(1, None, KINDS, policy="small").targets[0]
    assert target.policy.tiers[2] == TierRule(
        Tier.EMERGENCY,
        Condition((Threshold(RSS, 5e8),)),
        tell=target.policy.tiers[2].tell,
        do=target.policy.tiers[2].do,
    )


@pytest.mark.parametrize(
    ("pid", "interval", "policy", "expected"),
    [
        pytest.param(
            0,
            None,
            "small",
            "command line:1: targets[0].match.pid: found '0', wanted a whole number between 1 and 4194304",
            id="a pid that cannot be",
        ),
        pytest.param(
            1,
            0.0,
            "small",
            "command line:1: global.interval: found '0.000000s', wanted between 10ms and 1h",
            id="an interval that cannot be",
        ),
        pytest.param(
            1,
            None,
            "smal",
            "command line:1: targets[0].policy: found 'smal', wanted a policy that exists; did you mean small?",
            id="a policy that does not exist",
        ),
    ],
)
def test_what_no_single_process_can_be(pid: int, interval: Seconds | None, policy: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        single_process_config(pid, interval, KINDS, policy=policy)
    assert caught.value.faults == (expected,)
