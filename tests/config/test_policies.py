import pytest
from tests.config.doubles import TARGET, faults, names, policies, read, rule, told

from brimwatch.model import Condition, Policy, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

RSS = Quantity.RSS


def test_a_policy_of_ones_own() -> None:
    found = policies(
        "  p: {tiers: {critical: {when: {rss: 1GB}, for: 5s, readings: 3, tell: [stacks], do: [gc, trim]}}}"
    )
    actions = found.actions
    expected = Policy(
        name="p",
        tiers=(
            TierRule(
                tier=Tier.CRITICAL,
                when=Condition((Threshold(RSS, 1e9),)),
                hold=Seconds(5.0),
                readings=3,
                tell=(actions["stacks"],),
                do=(actions["gc"], actions["trim"]),
            ),
        ),
    )
    assert expected == found.policies["p"]


def test_tiers_come_in_rising_order_whatever_the_order_of_the_file() -> None:
    text = "  p: {tiers: {emergency: {when: {rss: 3GB}}, warning: {when: {rss: 1GB}}, critical: {when: {rss: 2GB}}}}"
    expected = [Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY]
    assert expected == [one.tier for one in policies(text).policies["p"].tiers]


def test_keys_of_the_policy_itself() -> None:
    found = policies("  p: {cooldown: 0s, goal: {rss: 1GB}, select: largest, max_parallel: 4}").policies["p"]
    expected = Policy("p", (), Seconds(0.0), Condition((Threshold(RSS, 1e9),)), "largest", 4)
    assert expected == found


def test_a_policy_in_a_target_is_that_targets_alone() -> None:
    config = read("""
        targets:
          - {name: a, match: {name: a}, policy: {extends: small, tiers: {emergency: {do: [gc]}}}}
          - {name: b, match: {name: b}, policy: {tiers: {emergency: {when: {rss: 1GB}}}}}
          - {name: c, match: {name: c}, policy: small}
    """)
    assert [target.policy.name for target in config.targets] == ["small (changed)", "inline", "small"]
    assert names(rule(config.targets[0].policy, Tier.EMERGENCY)) == ["gc"]
    assert names(rule(config.targets[2].policy, Tier.EMERGENCY)) == ["reclaim"]
    assert rule(config.targets[0].policy, Tier.WARNING) == rule(config.targets[2].policy, Tier.WARNING)


def test_policies_that_are_the_same_are_one_object() -> None:
    config = read("""
        targets:
          - {name: a, match: {name: a}, policy: {extends: small, cooldown: 9s}}
          - name: b
            match: {name: b}
            policy:
              extends: small
              cooldown: 9s
    """)
    assert config.targets[0].policy is config.targets[1].policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "  p: {extends: standrd}",
            "1: policies.p.extends: found 'standrd', wanted a policy that exists; did you mean standard?",
            id="an unknown parent",
        ),
        pytest.param(
            "  p: {extends: p}",
            "1: policies.p.extends: found 'p', wanted a policy that does not lead back to this one; p -> p",
            id="a policy of itself",
        ),
        pytest.param(
            "  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}",
            "3: policies.c.extends: found 'a', wanted a policy that does not lead back to this one; a -> b -> c -> a",
            id="a circle",
        ),
        pytest.param(
            "  z: {extends: a}\n  a: {extends: b}\n  b: {extends: a}",
            "3: policies.b.extends: found 'a', wanted a policy that does not lead back to this one; a -> b -> a",
            id="a circle that another policy leads into",
        ),
        pytest.param("  p: {extends: [a]}", "1: policies.p.extends: found a list, wanted a text", id="two parents"),
        pytest.param(
            "  p: {extend: standard}",
            (
                "1: policies.p.extend: found an unknown key, wanted one of extends, cooldown, goal, select, "
                "max_parallel, tiers; did you mean extends?"
            ),
            id="an unknown key",
        ),
        pytest.param(
            "  p: standard",
            (
                "1: policies.p: found 'standard', wanted a mapping with one of extends, cooldown, goal, "
                "select, max_parallel, tiers"
            ),
            id="a name for a policy",
        ),
        pytest.param(
            "  p: {tiers: {warn: {when: {rss: 1GB}}}}",
            (
                "1: policies.p.tiers.warn: found an unknown key, wanted one of warning, critical, emergency; "
                "did you mean warning?"
            ),
            id="an unknown tier",
        ),
        pytest.param(
            "  p: {tiers: [warning]}",
            "1: policies.p.tiers: found a list, wanted a mapping with one of warning, critical, emergency",
            id="a list of tiers",
        ),
        pytest.param(
            "  p: {tiers: {warning: {whne: {rss: 1GB}, when: {rss: 1GB}}}}",
            (
                "1: policies.p.tiers.warning.whne: found an unknown key, wanted one of when, leave, for, "
                "readings, tell, do; did you mean when?"
            ),
            id="an unknown key of a tier",
        ),
        pytest.param(
            "  p:\n    tiers:\n      warning:\n        for: 3s",
            (
                "3: policies.p.tiers.warning: found no `when`, wanted a condition such as when: "
                "{working_set: 85%}; a tier without one is never entered"
            ),
            id="a tier without a condition",
        ),
        pytest.param(
            "  p: {tiers: {warning: {when: {rss: 1GB}, for: 3}}}",
            (
                "1: policies.p.tiers.warning.for: found '3', wanted a duration with a unit, such as 500ms, "
                "30s, 5m, 2h or 7d"
            ),
            id="a hold without a unit",
        ),
        pytest.param(
            "  p: {tiers: {warning: {when: {rss: 1GB}, readings: 0}}}",
            "1: policies.p.tiers.warning.readings: found '0', wanted a whole number between 1 and 100",
            id="no reading",
        ),
        pytest.param(
            "  p: {tiers: {warning: {when: {rss: 1GB}, do: [trin]}}}",
            "1: policies.p.tiers.warning.do[0]: found 'trin', wanted an action that exists; did you mean trim?",
            id="an unknown action",
        ),
        pytest.param(
            "  p: {tiers: {warning: {when: {rss: 1GB}, do: trim}}}",
            "1: policies.p.tiers.warning.do: found 'trim', wanted a list",
            id="a rung that is no list",
        ),
        pytest.param(
            "  p: {tiers: {warning: {when: {rss: 1GB}, do: [{hook: {}}]}}}",
            "1: policies.p.tiers.warning.do[0]: found a mapping, wanted a text",
            id="an action written in its place",
        ),
        pytest.param(
            "  p: {tiers: {warning: {when: {rss: 1GB}, tell: [gc]}}}",
            (
                "1: policies.p.tiers.warning.tell[0]: found 'gc', which acts, wanted an action that informs "
                "people; a cure belongs under `do`"
            ),
            id="a cure that is told",
        ),
        pytest.param(
            "  p: {select: any}",
            "1: policies.p.select: found 'any', wanted one of each, largest",
            id="an unknown selection",
        ),
        pytest.param(
            "  p: {max_parallel: 0}",
            "1: policies.p.max_parallel: found '0', wanted a whole number between 1 and 64",
            id="nobody at a time",
        ),
        pytest.param(
            "  p: {cooldown: 60}",
            "1: policies.p.cooldown: found '60', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="a cooldown without a unit",
        ),
        pytest.param(
            "  p: {goal: 50%}",
            (
                "1: policies.p.goal: found '50%', wanted a mapping with one of rss, pss, uss, vms, swap, "
                "working_set, anon, trimmable, growth, virtual_fragmentation, fragmentation, threads, "
                "python_threads, python_objects, python_blocks, fds, processes, pressure, time_to_limit, "
                "memory_used, all"
            ),
            id="a goal of nothing in particular",
        ),
        pytest.param(
            "  'a b': {}",
            (
                "1: policies.'a b': found this name, wanted 1 to 64 letters, digits, '_', '.' or '-', the "
                "first a letter or digit"
            ),
            id="a name that nobody can type",
        ),
        pytest.param("  - p", "0: policies: found a list, wanted a mapping", id="a list of policies"),
    ],
)
def test_what_is_no_policy(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_no_process_is_ended_by_a_tier_of_forecasts() -> None:
    actions = "actions: {end: {signal: SIGTERM}, sure: {signal: SIGTERM, only_if: {rss: 1GB}}}\n"
    text = TARGET + actions + "policies: {p: {tiers: {emergency: {when: {time_to_limit: 5s}, do: [sure, end]}}}}"
    assert faults(text) == [
        (
            "3: policies.p.tiers.emergency.do: found end, which ends a process, in a tier of forecasts, "
            "wanted an action with an `only_if` on something measured; no process is ended on a forecast alone"
        )
    ]


def test_a_tell_that_the_user_turned_into_a_cure_is_told_in_the_built_in_policies_too() -> None:
    found = faults(TARGET + "actions: {stacks: {signal: SIGUSR1}}")
    assert all("wanted an action that informs people; a cure belongs under `do`" in line for line in found)
    assert all(line.startswith("built-in presets.yaml:") for line in found)
    assert len(found) == 5


def test_the_same_fault_in_two_targets_is_told_at_both() -> None:
    line = "- {name: t%d, match: {pid: 1}, policy: {extends: small, max_parallel: 0}}\n"
    assert faults("targets:\n" + line % 1 + line % 2) == [
        "2: targets[0].policy.max_parallel: found '0', wanted a whole number between 1 and 64",
        "3: targets[1].policy.max_parallel: found '0', wanted a whole number between 1 and 64",
    ]
