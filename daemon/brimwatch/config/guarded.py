"""What do the flags of `brimwatch guard` say? One target for one command, under tiers written on a command line.

The grammar of a condition is that of the file, and so are its faults; what stands in front of them is the flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from brimwatch.config.actions import Kinds, read_action
from brimwatch.config.embedded import PRESETS, embedded
from brimwatch.config.faults import Faults, harmless, quoted
from brimwatch.config.inherit import TIERS
from brimwatch.config.load import TOP_KEYS, Parts, read_parts
from brimwatch.config.nodes import Node, compose
from brimwatch.config.notices import about_actions, telling_rungs, unmeasured
from brimwatch.config.settings import Config, Match, TargetSpec
from brimwatch.config.tree import Leaf, Row, Table, Tree
from brimwatch.errors import ConfigError
from brimwatch.model import Action, Policy
from brimwatch.units import Seconds

NAME = "job"  # the target's, in events and metrics
DEFAULT_POLICY = "observe"
INTERVAL = Seconds(0.25)  # one command is looked at four times a second for 1 % of a core (measured)
GRACE = "30s"
COOLDOWN = "10s"  # a signal that had to wait for a measured value must not wait for a minute more
_WANTED = "conditions such as rss=1GB,threads=64"


@dataclass(frozen=True, slots=True)
class Flags:
    """What was typed, by tier: conditions, names of actions, a signal. `policy` None: the default one."""

    when: Mapping[str, Sequence[str]] = field(default_factory=dict)
    do: Mapping[str, Sequence[str]] = field(default_factory=dict)
    signal: Mapping[str, str] = field(default_factory=dict)
    grace: str | None = None
    policy: str | None = None
    grouped: bool = True


class FlagFaults(Faults):
    """Faults of a command line: the line of a fault is the place of its flag."""

    def __init__(self) -> None:
        super().__init__("brimwatch guard")
        self._flags: list[str] = []

    def place(self, flag: str) -> int:
        """A place of its own for a flag that was given."""
        self._flags.append(flag)
        return len(self._flags) - 1

    def add(self, line: int, path: str, text: str) -> None:
        """Add one fault: `brimwatch guard: --warning: rss: found X, wanted Y`."""
        quantity = path.rpartition(".when.")[2] if ".when." in path else ""
        where = f"{self._flags[line]}: {quantity}: " if quantity else f"{self._flags[line]}: "
        self._found[line, harmless(f"{self.source}: {where}{text}")] = None


def guard_config(flags: Flags, pid: int, kinds: Kinds, content: bytes | str = "{}", source: str = "") -> Config:
    """The configuration for one process. `content` is a file's, whose `targets` are not looked at.

    Raises ConfigError with every fault of the file and of the flags.
    """
    root = compose(content, source or "command line")
    presets = compose(embedded(PRESETS), f"built-in {PRESETS}")
    sections = ({} if root.is_null else root.mapping(TOP_KEYS)) or {}
    parts = read_parts(sections, presets, kinds)
    faults = FlagFaults()
    policy = _Line(flags, faults, parts, kinds).policy()
    for name in parts.policies.lineage.own:  # one that is not used is checked as well
        parts.policies.named(name)
    found = root.faults.lines() + presets.faults.lines() + faults.lines()
    if found or policy is None:
        raise ConfigError(found)
    target = TargetSpec(NAME, Match(pid=pid, children=True), policy, grouped=flags.grouped)
    done = {name: action for name, action in parts.actions.items() if action is not None}
    budget = parts.settings.get("introspection_budget")
    meant = {f"{label}-signal{rest}" for label in flags.signal for rest in ("", "-rest")}
    notices = (*about_actions((target,), kinds, meant), *telling_rungs((target,)), *unmeasured((target,), budget))
    return Config(
        targets=(target,),
        policies={policy.name: policy},
        actions=done,
        source=source or "command line",
        notices=notices,
        **{"interval": INTERVAL, **parts.settings},
    )


def for_process(config: Config, pid: int) -> Config:
    """The same configuration for another process."""
    (target,) = config.targets
    return replace(config, targets=(replace(target, match=replace(target.match, pid=pid)),))


class _Line:
    """One command line on its way to a policy."""

    def __init__(self, flags: Flags, faults: FlagFaults, parts: Parts, kinds: Kinds) -> None:
        self._flags, self._faults, self._parts, self._kinds = flags, faults, parts, kinds
        self._grace_used = False

    def policy(self) -> Policy | None:
        """The policy that the flags ask for, None where they are at fault."""
        flags = self._flags
        line = self._faults.place("--policy")
        named = Leaf(line, flags.policy or DEFAULT_POLICY, False)
        changed: dict[str, Tree] = {label: tier for label in TIERS if (tier := self._tier(label)) is not None}
        if flags.when and flags.policy is None:  # 95 % of `observe` is in the way of an emergency at 80 %
            changed |= {label: Leaf(line, "~", True) for label in TIERS if label not in changed}
        if flags.grace is not None and not self._grace_used:
            place = self._faults.place("--grace")
            wanted = "a signal that ends a process, such as --emergency-signal SIGTERM"
            node = Node(Leaf(place, flags.grace, False), self._faults, line=place)
            node.fault("it alone", wanted, "it is the time until SIGKILL")
        base = Node(named, self._faults, line=line)
        if base.written not in self._parts.policies.lineage:
            self._parts.policies.lineage.unknown(base)
            return None
        tree: Tree = named
        if changed:
            keys: dict[str, Tree] = {"extends": named, "tiers": _table(line, changed)}
            if flags.policy is None:
                keys["cooldown"] = Leaf(line, COOLDOWN, False)
            tree = _table(line, keys)
        return self._parts.policies.of_target(Node(tree, self._faults, line=line))

    def _tier(self, label: str) -> Tree | None:
        keys: dict[str, Tree] = {}
        when = self._when(label)
        if when is not None:
            keys["when"] = when
            if self._flags.policy is None:  # the patience of `observe` belongs to its own conditions
                keys["for"] = Leaf(when.line, "0s", False)
        do = self._do(label)
        if do is not None:
            keys["do"] = do
        return _table(next(iter(keys.values())).line, keys) if keys else None

    def _when(self, label: str) -> Table | None:
        given = self._flags.when.get(label, ())
        if not given:
            return None
        line = self._faults.place(f"--{label}")
        found: dict[str, Tree] = {}
        for text in ",".join(given).split(","):
            name, equals, value = (part.strip() for part in text.partition("="))
            if not equals or not name:
                self._faults.add(line, "", f"found {quoted(text)}, wanted {_WANTED}")
            elif name in found:
                self._faults.add(line, "", f"found {quoted(name)} a second time, wanted it once")
            else:
                found[name] = Leaf(line, value, False)
        return _table(line, found) if found else None

    def _do(self, label: str) -> Row | None:
        """The rungs of a tier: those that are named, else those of the policy; then the signal."""
        named, signal = self._flags.do.get(label, ()), self._flags.signal.get(label)
        if not named and signal is None:
            return None
        line = self._faults.place(f"--{label}-do" if named else f"--{label}-signal")
        names = [name.strip() for name in ",".join(named).split(",")] if named else self._inherited(label)
        added = [] if signal is None else self._signals(label, signal)
        return Row(line, tuple(Leaf(line, name, False) for name in (*names, *added)))

    def _inherited(self, label: str) -> list[str]:
        lineage = self._parts.policies.lineage
        name = self._flags.policy or DEFAULT_POLICY
        tier = lineage.named(name).tiers.get(label) if name in lineage else None
        do = None if tier is None else tier.keys.get("do")
        return [] if do is None or not do.is_sequence else [item.written for item in do.items() or ()]

    def _signals(self, label: str, signal: str) -> list[str]:
        """Make the action of a signal flag; one that ends the process has a second rung, for what outlives that."""
        name = f"{label}-signal"
        line = self._faults.place(f"--{name}")
        written: dict[str, Tree] = {"signal": Leaf(line, signal, False)}
        action = self._action(name, line, written)
        if action is None or not action.ends_process:
            return [name]
        self._grace_used = True
        place = line if self._flags.grace is None else self._faults.place("--grace")
        written["on"] = Leaf(line, "parent", False)  # the job is meant, with all that it started
        if signal.upper().removeprefix("SIG") != "KILL":
            written |= {"grace": Leaf(place, self._flags.grace or GRACE, False), "then": Leaf(line, "SIGKILL", False)}
        action = self._action(name, line, written)
        if action is None:
            return [name]
        self._parts.actions[f"{name}-rest"] = replace(action, name=f"{name}-rest")
        return [name, f"{name}-rest"]

    def _action(self, name: str, line: int, written: Mapping[str, Tree]) -> Action | None:
        if name in self._parts.own_actions:
            self._faults.add(line, "", f"found an action {name} in the file, wanted that name free; it is this flag's")
            return None
        action = read_action(name, Node(_table(line, written), self._faults, line=line), self._kinds)
        self._parts.actions[name] = action
        return action


def _table(line: int, pairs: Mapping[str, Tree]) -> Table:
    return Table(line, tuple((Leaf(value.line, key, True), value) for key, value in pairs.items()))
