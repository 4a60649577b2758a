import pytest
from tests.config.doubles import TARGET, faults, read

from brimwatch.config.settings import Config
from brimwatch.model import Condition, Policy, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

RSS = Quantity.RSS


def policies(text: str) -> Config:
    return read(TARGET + "policies:\n" + text)


def told(text: str) -> list[str]:
    """The faults of a section `policies` whose first line is 1."""
    found = (line.split(":", 1) for line in faults(TARGET + "policies:\n" + text))
    return [f"{int(line) - 2}:{rest}" for line, rest in found]


def rule(policy: Policy, tier: Tier) -> TierRule:
    (found,) = (one for one in policy.tiers if one.tier is tier)
    return found


def names(found: TierRule) -> list[str]:
    return [action.name for action in found.do]


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


def test_a_given_key_replaces_and_the_others_are_inherited() -> None:
    found = policies("""
  base: {cooldown: 9s, tiers: {warning: {when: {rss: 1GB}, for: 30s, do: [gc]}, critical: {when: {rss: 2GB}}}}
  mine: {extends: base, tiers: {warning: {do: [trim]}}}
""").policies["mine"]
    warning = rule(found, Tier.WARNING)
    assert (warning.when, warning.hold, names(warning)) == (Condition((Threshold(RSS, 1e9),)), 30.0, ["trim"])
    assert rule(found, Tier.CRITICAL).when == Condition((Threshold(RSS, 2e9),))
    assert found.cooldown == 9.0


def test_three_generations_merge_key_by_key() -> None:
    found = policies("""
  child: {extends: parent, tiers: {warning: {for: 3s}}}
  parent: {extends: grandparent, tiers: {warning: {readings: 2}}}
  grandparent: {tiers: {warning: {when: {rss: 1GB}, for: 1s, readings: 1, do: [gc]}}}
""").policies["child"]
    warning = rule(found, Tier.WARNING)
    assert (warning.hold, warning.readings, names(warning)) == (3.0, 2, ["gc"])


def test_nothing_takes_a_tier_or_a_key_away() -> None:
    found = policies("""
  base: {goal: {rss: 1GB}, tiers: {warning: {when: {rss: 1GB}, for: 9s, do: [gc]}, critical: {when: {rss: 2GB}}}}
  mine: {extends: base, goal: ~, tiers: {critical: ~, emergency: ~, warning: {do: null, for: }}}
""").policies["mine"]
    assert [one.tier for one in found.tiers] == [Tier.WARNING]
    assert (found.goal, rule(found, Tier.WARNING).hold, names(rule(found, Tier.WARNING))) == (None, 0.0, [])


def test_a_new_when_does_not_inherit_the_old_leave() -> None:
    found = policies("""
  base: {tiers: {warning: {when: {rss: 1GB}, leave: {rss: 500MB}, do: [gc]}}}
  mine: {extends: base, tiers: {warning: {when: {threads: 8}}}}
  kept: {extends: base, tiers: {warning: {do: [trim]}}}
""").policies
    assert rule(found["mine"], Tier.WARNING).leave is None
    assert rule(found["kept"], Tier.WARNING).leave == Condition((Threshold(RSS, 5e8),))


def test_a_built_in_policy_can_be_changed_under_its_own_name() -> None:
    found = policies("  standard: {extends: standard, cooldown: 7s}\n  mine: {extends: standard}").policies
    assert (found["standard"].cooldown, found["mine"].cooldown) == (7.0, 7.0)
    assert len(found["mine"].tiers) == 3


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


def test_a_chain_of_a_thousand_policies_is_followed() -> None:
    chain = "".join(f"  p{n}: {{extends: p{n - 1}}}\n" for n in range(1000, 0, -1))
    found = policies(chain + "  p0: {cooldown: 9s}").policies
    assert found["p1000"].cooldown == 9.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  p: {extends: standrd}", "1: policies.p.extends: found 'standrd', wanted a policy that exists; did you mean standard?", id="an unknown parent"),
        pytest.param("  p: {extends: p}", "1: policies.p.extends: found 'p', wanted a policy that does not lead back to this one; p -> p", id="a policy of itself"),
        pytest.param("  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}", "3: policies.c.extends: found 'a', wanted a policy that does not lead back to this one; a -> b -> c -> a", id="a circle"),
        pytest.param("  z: {extends: a}\n  a: {extends: b}\n  b: {extends: a}", "3: policies.b.extends: found 'a', wanted a policy that does not lead back to this one; a -> b -> a", id="a circle that another policy leads into"),
        pytest.param("  p: {extends: [a]}", "1: policies.p.extends: found a list, wanted a text", id="two parents"),
        pytest.param("  p: {extend: standard}", "1: policies.p.extend: found an unknown key, wanted one of extends, cooldown, goal, select, max_parallel, tiers; did you mean extends?", id="an unknown key"),
        pytest.param("  p: standard", "1: policies.p: found 'standard', wanted a mapping with one of extends, cooldown, goal, select, max_parallel, tiers", id="a name for a policy"),
        pytest.param("  p: {tiers: {warn: {when: {rss: 1GB}}}}", "1: policies.p.tiers.warn: found an unknown key, wanted one of warning, critical, emergency; did you mean warning?", id="an unknown tier"),
        pytest.param("  p: {tiers: [warning]}", "1: policies.p.tiers: found a list, wanted a mapping with one of warning, critical, emergency", id="a list of tiers"),
        pytest.param("  p: {tiers: {warning: {whne: {rss: 1GB}, when: {rss: 1GB}}}}", "1: policies.p.tiers.warning.whne: found an unknown key, wanted one of when, leave, for, readings, tell, do; did you mean when?", id="an unknown key of a tier"),
        pytest.param("  p:\n    tiers:\n      warning:\n        for: 3s", "3: policies.p.tiers.warning: found no `when`, wanted a condition such as when: {working_set: 85%}; a tier without one is never entered", id="a tier without a condition"),
        pytest.param("  p: {tiers: {warning: {when: {rss: 1GB}, for: 3}}}", "1: policies.p.tiers.warning.for: found '3', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d", id="a hold without a unit"),
        pytest.param("  p: {tiers: {warning: {when: {rss: 1GB}, readings: 0}}}", "1: policies.p.tiers.warning.readings: found '0', wanted a whole number between 1 and 100", id="no reading"),
        pytest.param("  p: {tiers: {warning: {when: {rss: 1GB}, do: [trin]}}}", "1: policies.p.tiers.warning.do[0]: found 'trin', wanted an action that exists; did you mean trim?", id="an unknown action"),
        pytest.param("  p: {tiers: {warning: {when: {rss: 1GB}, do: trim}}}", "1: policies.p.tiers.warning.do: found 'trim', wanted a list", id="a rung that is no list"),
        pytest.param("  p: {tiers: {warning: {when: {rss: 1GB}, do: [{hook: {}}]}}}", "1: policies.p.tiers.warning.do[0]: found a mapping, wanted a text", id="an action written in its place"),
        pytest.param("  p: {tiers: {warning: {when: {rss: 1GB}, tell: [gc]}}}", "1: policies.p.tiers.warning.tell[0]: found 'gc', which acts, wanted an action that informs people; a cure belongs under `do`", id="a cure that is told"),
        pytest.param("  p: {select: any}", "1: policies.p.select: found 'any', wanted one of each, largest", id="an unknown selection"),
        pytest.param("  p: {max_parallel: 0}", "1: policies.p.max_parallel: found '0', wanted a whole number between 1 and 64", id="nobody at a time"),
        pytest.param("  p: {cooldown: 60}", "1: policies.p.cooldown: found '60', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d", id="a cooldown without a unit"),
        pytest.param("  p: {goal: 50%}", "1: policies.p.goal: found '50%', wanted a mapping with one of rss, pss, uss, vms, swap, working_set, anon, trimmable, growth, virtual_fragmentation, fragmentation, threads, python_threads, python_objects, python_blocks, fds, processes, pressure, time_to_limit, memory_used, all", id="a goal of nothing in particular"),
        pytest.param("  'a b': {}", "1: policies.'a b': found this name, wanted 1 to 64 letters, digits, '_', '.' or '-', the first a letter or digit", id="a name that nobody can type"),
        pytest.param("  - p", "0: policies: found a list, wanted a mapping", id="a list of policies"),
    ],
)  # fmt: skip
def test_what_is_no_policy(text: str, expected: str) -> None:
    assert told(text) == [expected]


@pytest.mark.parametrize(
    ("when", "leave", "expected"),
    [
        pytest.param("{rss: 800MiB}", "{rss: 900 MiB}", "leave.rss: 900 MiB is above enter (800MiB); the tier would never settle.", id="a leave above its enter"),
        pytest.param("{rss: 80%}", "{rss: 90%}", "leave.rss: 90% is above enter (80%); the tier would never settle.", id="a fraction above its enter"),
        pytest.param("{threads: 8}", "{threads: 9}", "leave.threads: 9 is above enter (8); the tier would never settle.", id="a count above its enter"),
        pytest.param("{all: {rss: 80%, threads: 8}}", "{rss: 90%}", "leave.rss: 90% is above enter (80%); the tier would never settle.", id="a leave above one of all"),
        pytest.param("{time_to_limit: 20s}", "{time_to_limit: 10s}", "leave.time_to_limit: 10s is below enter (20s); the tier would never settle.", id="less time left than at the enter"),
        pytest.param("{rss: 80%}", "{threads: 9}", "leave.threads: found a level for threads, wanted one for rss; `when` does not enter on it", id="a leave of what does not enter"),
    ],
)  # fmt: skip
def test_a_leave_that_does_not_fit(when: str, leave: str, expected: str) -> None:
    text = f"  p:\n    tiers:\n      critical:\n        when: {when}\n        leave: {leave}"
    assert told(text) == [f"5: policies.p.tiers.critical.{expected}"]


@pytest.mark.parametrize(
    ("when", "leave"),
    [
        pytest.param("{rss: 80%}", "{rss: 80%}", id="a leave at its enter"),
        pytest.param("{rss: 80%}", "{rss: 900MB}", id="a fraction and a size cannot be compared"),
        pytest.param("{time_to_limit: 20s}", "{time_to_limit: 30s}", id="more time left than at the enter"),
        pytest.param("{rss: 80%, threads: 8}", "{rss: 70%}", id="a leave for one of two"),
        pytest.param("{all: {rss: 80%, threads: 8}}", "{all: {rss: 70%}}", id="a leave written as its when is"),
    ],
)
def test_a_leave_that_fits(when: str, leave: str) -> None:
    policies(f"  p: {{tiers: {{critical: {{when: {when}, leave: {leave}}}}}}}")


def test_a_leave_above_the_inherited_enter_is_told_where_it_stands() -> None:
    assert told("  p:\n    extends: small\n    tiers: {critical: {leave: {rss: 300MB}}}") == [
        "3: policies.p.tiers.critical.leave.rss: 300MB is above enter (200MB); the tier would never settle."
    ]


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        pytest.param("warning: {when: {rss: 3GB}}, critical: {when: {rss: 2GB}}", ["warning.when.rss: 3GB is above the enter of critical (2GB); warning would be entered after critical."], id="two sizes"),
        pytest.param("warning: {when: {rss: 90%}}, emergency: {when: {rss: 80%}}", ["warning.when.rss: 90% is above the enter of emergency (80%); warning would be entered after emergency."], id="two fractions, with a tier between that does not name them"),
        pytest.param("warning: {when: {time_to_limit: 10s}}, critical: {when: {time_to_limit: 20s}}", ["warning.when.time_to_limit: 10s is below the enter of critical (20s); warning would be entered after critical."], id="two times, of which the shorter is the worse"),
        pytest.param("warning: {when: {all: {rss: 3GB, threads: 8}}}, critical: {when: {rss: 2GB}}", ["warning.when.all.rss: 3GB is above the enter of critical (2GB); warning would be entered after critical."], id="one of all in the lower tier"),
        pytest.param("warning: {when: {rss: 2GB}}, critical: {when: {rss: 2GB}}", [], id="the same enter is allowed"),
        pytest.param("warning: {when: {rss: 90%}}, critical: {when: {rss: 1GB}}", [], id="a fraction and a size cannot be compared"),
        pytest.param("warning: {when: {rss: 90%}}, critical: {when: {all: {rss: 80%, threads: 8}}}", [], id="one of all in the higher tier does not enter it alone"),
        pytest.param("warning: {when: {rss: 90%}}, critical: {when: {all: {rss: 80%}}}", ["warning.when.rss: 90% is above the enter of critical (80%); warning would be entered after critical."], id="all of a single one is that one"),
    ],
)  # fmt: skip
def test_the_order_of_tiers(tiers: str, expected: list[str]) -> None:
    text = f"  p: {{tiers: {{{tiers}}}}}"
    if not expected:
        policies(text)
        return
    assert told(text) == [f"1: policies.p.tiers.{one}" for one in expected]


def test_a_wrong_order_with_an_inherited_tier_is_told_at_the_policys_own() -> None:
    assert told("  p: {extends: small, tiers: {critical: {when: {rss: 50MB}}}}") == [
        "1: policies.p.tiers.critical.when.rss: 50MB is below the enter of warning (100MB); "
        "warning would be entered after critical."
    ]


def test_an_inherited_fault_is_told_once() -> None:
    text = "  a: {tiers: {warning: {when: {rss: 100}}}}\n" + "".join(f"  p{n}: {{extends: a}}\n" for n in range(5))
    (fault,) = told(text)
    assert fault.startswith("1: policies.a.tiers.warning.when.rss: found '100', wanted a size with a unit")


def test_a_policy_with_a_broken_parent_is_checked_all_the_same() -> None:
    assert told("  p: {extends: nobody, tiers: {warning: {do: [gc, trin]}}}") == [
        "1: policies.p.extends: found 'nobody', wanted a policy that exists",
        "1: policies.p.tiers.warning.do[1]: found 'trin', wanted an action that exists; did you mean trim?",
    ]


def test_no_process_is_ended_by_a_tier_of_forecasts() -> None:
    actions = "actions: {end: {signal: SIGTERM}, sure: {signal: SIGTERM, only_if: {rss: 1GB}}}\n"
    text = TARGET + actions + "policies: {p: {tiers: {emergency: {when: {time_to_limit: 5s}, do: [sure, end]}}}}"
    assert faults(text) == [
        "3: policies.p.tiers.emergency.do: found end, which ends a process, in a tier of forecasts, "
        "wanted an action with an `only_if` on something measured; no process is ended on a forecast alone"
    ]


def test_a_goal_that_changes_nothing_is_noticed() -> None:
    text = "  p: {extends: standard, goal: {rss: 80%, working_set: 60%}}"
    expected = "policy p: its goal rss 80% lies beyond the enter of warning (70%) and changes nothing there"
    assert policies(text).notices[0] == expected


def test_a_tell_that_the_user_turned_into_a_cure_is_told_in_the_built_in_policies_too() -> None:
    found = faults(TARGET + "actions: {stacks: {signal: SIGUSR1}}")
    assert all("wanted an action that informs people; a cure belongs under `do`" in line for line in found)
    assert all(line.startswith("built-in presets.yaml:") for line in found)
    assert len(found) == 5
