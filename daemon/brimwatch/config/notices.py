"""What should a user know of a configuration that is no fault of it?"""

from __future__ import annotations

import pwd
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from brimwatch.config.actions import Kinds
from brimwatch.config.inherit import Lineage
from brimwatch.config.settings import Match, TargetSpec
from brimwatch.model import Action, Condition, Policy
from brimwatch.quantity import INSIDE

_NEED_A_PROCESS = frozenset({"signal", "rlimit", "cgroup"})  # kinds of action; hooks of the host ask other targets
_ENDS = "ends a process; where nothing supervises the process, it stays down"


def _policies(targets: tuple[TargetSpec, ...]) -> Iterator[Policy]:
    yield from {id(target.policy): target.policy for target in targets}.values()


def _in_force(targets: tuple[TargetSpec, ...]) -> Iterator[Action]:
    """Every action of a policy that a target is under, each once."""
    yield from {action.name: action for policy in _policies(targets) for action in _rungs(policy)}.values()


def _rungs(policy: Policy) -> Iterator[Action]:
    for rule in policy.tiers:
        yield from (*rule.tell, *rule.do)


def about_actions(targets: tuple[TargetSpec, ...], kinds: Kinds, meant: Collection[str] = frozenset()) -> Iterator[str]:
    """What to know of the actions that may come to run: those that end a process, those this version cannot run.

    `meant`: names of those that were asked for because they end a process.
    """
    about: dict[str, list[str]] = {}
    for action in _in_force(targets):
        if action.ends_process and action.name not in meant:
            about.setdefault(_ENDS, []).append(action.name)
        notice = getattr(kinds[action.kind], "NOTICE", "")
        if notice:
            about.setdefault(notice, []).append(action.name)
        for own in _own_notices(kinds, action):
            about.setdefault(own, []).append(action.name)
    for notice, names in about.items():
        yield f"action{'s' if len(names) > 1 else ''} {', '.join(names)}: {notice}"


def telling_rungs(targets: tuple[TargetSpec, ...]) -> Iterator[str]:
    """Which rungs of ladders only tell? They win nothing back, and those after them wait until they are through."""
    for policy in _policies(targets):
        for rule in policy.tiers:
            names = [action.name for action in rule.do if action.tells]
            if names:
                told = f"policy {policy.name}: {', '.join(names)} under `do` of {rule.tier.label} only tells"
                yield f"{told}, and the rungs after it wait for that; put it under `tell`"


def without_receiver(targets: tuple[TargetSpec, ...]) -> Iterator[str]:
    """Which rungs of the host's ladders have nobody to go to? The host has no process and no cgroup."""
    for target in targets:
        if not target.match.host:
            continue
        for rule in target.policy.tiers:
            names = [action.name for action in (*rule.tell, *rule.do) if action.kind in _NEED_A_PROCESS]
            if names:
                yield (
                    f"target {target.name}: {', '.join(names)} under {rule.tier.label} has no receiver: the host has "
                    "no process and no cgroup (`vanished`); a hook rung asks other targets, exec and webhook work"
                )


def _own_notices(kinds: Kinds, action: Action) -> Iterable[str]:
    """What the kind has to say of this one action."""
    notices: Callable[[object], Iterable[str]] | None = getattr(kinds[action.kind], "notices", None)
    return () if notices is None else notices(action.options)


def unused(
    lineage: Lineage, own_actions: Collection[str], targets: tuple[TargetSpec, ...], policies: Mapping[str, Policy]
) -> Iterator[str]:
    """Which of the user's policies and actions does nothing refer to?"""
    used = {target.policy.name for target in targets} | lineage.extended
    for name in lineage.own:
        if name not in used:
            yield f"policy {name} is used by no target"
    rungs = {action.name for policy in policies.values() for action in _rungs(policy)}
    rungs |= {action.name for action in _in_force(targets)}
    for name in own_actions:
        if name not in rungs:
            yield f"action {name} is used by no policy"


def unmeasured(targets: tuple[TargetSpec, ...], introspection_budget: object) -> Iterator[str]:
    """Which conditions name what is seen only by looking inside a process, where a budget of 0 switches that off?"""
    if introspection_budget != 0.0:
        return
    found: dict[str, set[str]] = {}
    for policy in _policies(targets):
        for condition in _conditions(policy):
            for threshold in condition.thresholds:
                if threshold.quantity in INSIDE:
                    found.setdefault(threshold.quantity.value, set()).add(policy.name)
    for name, policies in found.items():
        where = f"polic{'ies' if len(policies) > 1 else 'y'} {', '.join(sorted(policies))}"
        yield f"condition {name} ({where}): with introspection_budget 0% nothing measures it, so it never holds"


def unknown_users(targets: tuple[TargetSpec, ...]) -> Iterator[str]:
    """Which users that a target matches does this machine not know?"""
    seen: set[str] = set()
    for target in targets:
        match: Match | None = target.match
        while match is not None:
            user = match.user
            if user is not None and user not in seen and not (user.isdecimal() or _is_known(user)):
                seen.add(user)
                yield f"target {target.name}: user {user!r} is not known here, so it matches nothing; a uid is good"
            match = match.exclude


def overshadowed(targets: tuple[TargetSpec, ...]) -> Iterator[str]:
    """Which targets can never take a process, because one before them has the very same match?"""
    first: dict[Match, TargetSpec] = {}
    for target in targets:
        before = first.setdefault(target.match, target)
        if before is not target and not target.match.host:
            yield (
                f"target {target.name}: its match is that of target {before.name} before it, which takes every process;"
                " this one never takes any"
            )


def _is_known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _conditions(policy: Policy) -> Iterator[Condition]:
    for rule in policy.tiers:
        yield rule.when
    for one in (policy.goal, *(action.only_if for action in _rungs(policy))):
        if one is not None:
            yield one
