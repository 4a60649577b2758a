"""How is a policy written into a recording, and read again?

What an action does in detail is not written: it may hold addresses and arguments that are nobody's business. In its
place stands a digest, keyed anew for each recording, by which a reload that changed it is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brimwatch.model import Action, Budget, Condition, Policy, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.record.samples_fields import Fields, Malformed
from brimwatch.units import Seconds

Digest = Callable[[object], str]
TIERS = {tier.label: tier for tier in Tier}


def policy_shape(policy: Policy, digest: Digest) -> dict[str, Any]:
    """A policy as JSON values."""
    return {
        "name": policy.name,
        "cooldown": policy.cooldown,
        "goal": condition_shape(policy.goal),
        "select": policy.select,
        "max_parallel": policy.max_parallel,
        "tiers": [_tier_shape(rule, digest) for rule in policy.tiers],
    }


def condition_shape(condition: Condition | None) -> dict[str, Any] | None:
    """A condition as JSON values."""
    if condition is None:
        return None
    return {"every": condition.every, "of": [[one.quantity.value, one.value, one.relative] for one in condition[0]]}


def action_shape(action: Action, digest: Digest) -> dict[str, Any]:
    """An action as JSON values, with a digest in the place of what it does in detail."""
    budget = action.at_most
    return {
        "name": action.name,
        "kind": action.kind,
        "options": digest(action.options),
        "cooperative": action.cooperative,
        "ends_process": action.ends_process,
        "tells": action.tells,
        "settle": action.settle,
        "only_if": condition_shape(action.only_if),
        "at_most": None if budget is None else [budget.runs, budget.window],
        "on_parent": action.on_parent,
    }


def _tier_shape(rule: TierRule, digest: Digest) -> dict[str, Any]:
    return {
        "tier": rule.tier.label,
        "when": condition_shape(rule.when),
        "leave": condition_shape(rule.leave),
        "for": rule.hold,
        "readings": rule.readings,
        "tell": [action_shape(action, digest) for action in rule.tell],
        "do": [action_shape(action, digest) for action in rule.do],
    }


def read_policy(fields: Fields) -> Policy:
    """The policy of a row. Raises Malformed."""
    tiers = tuple(_read_tier(one) for one in fields.parts("tiers"))
    if [rule.tier for rule in tiers] != sorted({rule.tier for rule in tiers}):
        raise Malformed("tiers are not in rising order, each once")
    return Policy(
        name=fields.text("name"),
        tiers=tiers,
        cooldown=Seconds(fields.number("cooldown")),
        goal=read_condition(fields.maybe("goal")),
        select=fields.maybe_text("select"),
        max_parallel=fields.whole("max_parallel"),
    )


def read_condition(fields: Fields | None) -> Condition | None:
    """A condition, or None where there is none. Raises Malformed."""
    if fields is None:
        return None
    thresholds = []
    for item in fields.items("of"):
        if not isinstance(item, list) or len(item) != 3:
            raise Malformed("a threshold is not [quantity, value, whether it is relative]")
        part = Fields({"quantity": item[0], "value": item[1], "relative": item[2]})
        thresholds.append(Threshold(read_quantity(item[0]), part.number("value"), part.flag("relative")))
    return Condition(tuple(thresholds), fields.flag("every"))


def read_quantity(value: object) -> Quantity:
    """A quantity by its name. Raises Malformed."""
    if not isinstance(value, str) or value not in Quantity.__members__.values():
        raise Malformed("a quantity that this version does not know")
    return Quantity(value)


def read_tier_name(fields: Fields, key: str = "tier") -> Tier:
    """A tier by its name. Raises Malformed."""
    name = fields.text(key)
    if name not in TIERS:
        raise Malformed(f"{key} is no tier")
    return TIERS[name]


def read_action(fields: Fields) -> Action:
    """An action; `options` is its digest. Raises Malformed."""
    budget = fields.get("at_most")
    if budget is not None and not (isinstance(budget, list) and len(budget) == 2):
        raise Malformed("at_most is not [runs, seconds]")
    given = None if budget is None else Fields({"runs": budget[0], "window": budget[1]})
    return Action(
        name=fields.text("name"),
        kind=fields.text("kind"),
        options=fields.text("options"),
        cooperative=fields.flag("cooperative"),
        ends_process=fields.flag("ends_process"),
        tells=fields.flag("tells"),
        settle=Seconds(fields.number("settle")),
        only_if=read_condition(fields.maybe("only_if")),
        at_most=None if given is None else Budget(given.whole("runs"), Seconds(given.number("window"))),
        on_parent=fields.flag("on_parent"),
    )


def _read_tier(fields: Fields) -> TierRule:
    when = read_condition(fields.maybe("when"))
    tier = read_tier_name(fields)
    if when is None or tier is Tier.CALM:
        raise Malformed("a tier without a condition")
    return TierRule(
        tier=tier,
        when=when,
        leave=read_condition(fields.maybe("leave")),
        hold=Seconds(fields.number("for")),
        readings=fields.whole("readings"),
        tell=tuple(read_action(one) for one in fields.parts("tell")),
        do=tuple(read_action(one) for one in fields.parts("do")),
    )
