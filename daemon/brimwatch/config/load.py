"""What does a configuration file say? Turns YAML into a validated Config, or tells every fault of the file at once."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from brimwatch.config.actions import Kinds, read_action
from brimwatch.config.embedded import PRESETS, embedded
from brimwatch.config.inherit import Lineage
from brimwatch.config.nodes import Node, compose
from brimwatch.config.notices import (
    about_actions,
    overshadowed,
    telling_rungs,
    unknown_users,
    unmeasured,
    unused,
    without_receiver,
)
from brimwatch.config.policies import Policies
from brimwatch.config.safety import read_safely
from brimwatch.config.settings import Config, Kubernetes
from brimwatch.config.targets import read_targets
from brimwatch.errors import ConfigError
from brimwatch.model import Action
from brimwatch.units import Seconds

TOP_KEYS = ("global", "targets", "policies", "actions")
SHORTEST_INTERVAL = 0.01
LONGEST_INTERVAL = 3600.0
SHORTEST_RETENTION = 60.0
LONGEST_RUN_DIR = 80  # a socket's path holds 108 bytes, unix(7); the agent adds its PID


def load_file(path: str, kinds: Kinds) -> Config:
    """Read and check a file. Raises ConfigError with every fault; see `safety` for whose files root reads."""
    return load(read_safely(path, os.geteuid()), path, kinds)


def load(content: bytes | str, source: str, kinds: Kinds) -> Config:
    """Check a configuration; `source` is its name in messages, `kinds` what actions there are.

    Raises ConfigError with every fault, one line each in the order of the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a pattern such as [[a] is legal and means what it says
        return _load(content, source, kinds)


def _load(content: bytes | str, source: str, kinds: Kinds) -> Config:
    root = compose(content, source)
    presets = compose(embedded(PRESETS), f"built-in {PRESETS}")
    if root.is_null:
        root.fault("an empty file", "a configuration")
    sections = ({} if root.is_null else root.mapping(TOP_KEYS)) or {}
    settings, own_actions, actions, policies = read_parts(sections, presets, kinds)
    compiled = {name: policies.named(name) for name in policies.lineage.names()}
    targets = read_targets(root, sections.get("targets"), policies) if root.is_mapping else ()
    faults = root.faults.lines() + presets.faults.lines()
    if faults:
        raise ConfigError(faults)
    done = {name: action for name, action in actions.items() if action is not None}
    notices = (
        *dict.fromkeys(policies.notices),
        *unused(policies.lineage, own_actions, targets, compiled),
        *about_actions(targets, kinds),
        *telling_rungs(targets),
        *without_receiver(targets),
        *unmeasured(targets, settings.get("introspection_budget")),
        *unknown_users(targets),
        *overshadowed(targets),
    )
    return Config(
        targets=targets,
        policies=compiled,
        actions=done,
        source=source,
        digest=hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest(),
        notices=notices,
        **settings,
    )


class Parts(NamedTuple):
    """What a file says beside its targets; an action that is at fault is None."""

    settings: Mapping[str, Any]
    own_actions: Mapping[str, Node]
    actions: dict[str, Action | None]
    policies: Policies


def read_parts(sections: Mapping[str, Node], presets: Node, kinds: Kinds) -> Parts:
    """Read `global`, `actions` and `policies` of a file, on top of the built-in ones. Faults are added to the nodes."""
    builtin = presets.mapping(("policies", "actions")) or {}
    settings = _read_global(sections["global"]) if _given(sections, "global") else {}
    own_actions = _named(sections, "actions")
    written = {**_named(builtin, "actions"), **own_actions}
    actions = {name: read_action(name, node, kinds) for name, node in written.items()}
    policies = Policies(Lineage(_named(sections, "policies"), _named(builtin, "policies")), actions)
    return Parts(settings, own_actions, actions, policies)


def _given(sections: Mapping[str, Node], key: str) -> bool:
    """A section whose every line is commented out is an empty section."""
    return key in sections and not sections[key].is_null


def _named(sections: Mapping[str, Node], key: str) -> Mapping[str, Node]:
    return (sections[key].mapping() or {}) if _given(sections, key) else {}


def _read_global(node: Node) -> dict[str, Any]:
    """The fields of Config that the section gives; the others keep their defaults."""
    fields = node.mapping(GLOBAL_KEYS) or {}
    return {key: _GLOBAL_READERS[key](child) for key, child in fields.items()}


def _interval(node: Node) -> Seconds | None:
    return node.duration(SHORTEST_INTERVAL, LONGEST_INTERVAL)


def _retention(node: Node) -> Seconds | None:
    return node.duration(SHORTEST_RETENTION)


def _run_dir(node: Node) -> str | None:
    text = node.text()
    if text is not None and (not text.startswith("/") or len(os.fsencode(text)) > LONGEST_RUN_DIR):
        node.fault(node.shown, f"an absolute path of at most {LONGEST_RUN_DIR} bytes", "it holds sockets")
    return text


def _kubernetes(node: Node) -> Kubernetes | None:
    from brimwatch.config.kubernetes import read_kubernetes  # only where it is written

    return read_kubernetes(node)


_GLOBAL_READERS: Mapping[str, Callable[[Node], object]] = {
    "interval": _interval,
    "dry_run": Node.flag,
    "run_dir": _run_dir,
    "retention": _retention,
    "introspection_budget": Node.ratio,
    "kubernetes": _kubernetes,
}
GLOBAL_KEYS = tuple(_GLOBAL_READERS)
