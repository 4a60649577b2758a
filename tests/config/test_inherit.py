from tests.config.doubles import names, policies, rule, told

from brimwatch.model import Condition, Threshold, Tier
from brimwatch.quantity import Quantity

RSS = Quantity.RSS


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


def test_a_chain_of_a_thousand_policies_is_followed() -> None:
    chain = "".join(f"  p{n}: {{extends: p{n - 1}}}\n" for n in range(1000, 0, -1))
    found = policies(chain + "  p0: {cooldown: 9s}").policies
    assert found["p1000"].cooldown == 9.0


def test_an_inherited_fault_is_told_once() -> None:
    text = "  a: {tiers: {warning: {when: {rss: 100}}}}\n" + "".join(f"  p{n}: {{extends: a}}\n" for n in range(5))
    (fault,) = told(text)
    assert fault.startswith("1: policies.a.tiers.warning.when.rss: found '100', wanted a size with a unit")


def test_a_policy_with_a_broken_parent_is_checked_all_the_same() -> None:
    assert told("  p: {extends: nobody, tiers: {warning: {do: [gc, trin]}}}") == [
        "1: policies.p.extends: found 'nobody', wanted a policy that exists",
        "1: policies.p.tiers.warning.do[1]: found 'trin', wanted an action that exists; did you mean trim?",
    ]
