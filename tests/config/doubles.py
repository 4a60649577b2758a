"""Kinds of action with no work behind them, and what a configuration read with them says."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from brimwatch.config.load import load
from brimwatch.config.nodes import Node
from brimwatch.config.settings import Config
from brimwatch.errors import ConfigError
from brimwatch.model import Policy, Tier, TierRule

SOURCE = "brimwatch.yaml"
ENDING = ("SIGTERM", "SIGKILL")
WHOLE = (Path(__file__).parent / "whole.yaml").read_text(encoding="utf-8")
TARGET = "targets: [{name: t, match: {name: t}, policy: observe}]\n"


@dataclass(frozen=True)
class Seen:
    options: object
    cooperative: bool = False
    ends_process: bool = False
    tells: bool = False


class Double:
    """Takes the keys it is given; `options` are the keys it saw, in the order of the file."""

    def __init__(self, name: str, *more: str, cooperative: bool = False, tells: bool = False, notice: str = "") -> None:
        self.name, self.cooperative, self.tells = name, cooperative, tells
        self.NOTICE = notice
        self._keys = frozenset({name, *more})

    @property
    def KEYS(self) -> frozenset[str]:  # noqa: N802
        return self._keys

    def parse(self, node: Node) -> Seen | None:
        fields = node.mapping()
        if fields is None:
            return None
        value = fields[self.name]
        if value.written == "silently wrong":
            return None
        if value.is_null:
            value.fault(value.shown, f"a value for {self.name}")
            return None
        return Seen(tuple(fields), self.cooperative, value.written in ENDING, self.tells)


KINDS = {
    "hook": Double("hook", cooperative=True),
    "signal": Double("signal", "grace", "then", "force"),
    "exec": Double("exec", "env", "timeout"),
    "webhook": Double("webhook", tells=True),
    "cgroup": Double("cgroup", "max", notice="this version does not write to cgroups"),
    "rlimit": Double("rlimit"),
    "stacks": Double("stacks", tells=True),
}


def read(text: str) -> Config:
    return load(dedent(text), SOURCE, KINDS)


def faults(text: str | bytes) -> list[str]:
    """The faults of a whole file, without the file's name; fails where there are none."""
    with pytest.raises(ConfigError) as caught:
        load(dedent(text) if isinstance(text, str) else text, SOURCE, KINDS)
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(caught.value.faults)
    return [line.removeprefix(SOURCE + ":") for line in caught.value.faults]


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
