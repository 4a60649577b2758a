"""What does a loaded configuration say? Frozen, validated, with every policy and action resolved."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from brimwatch.model import Action, Policy
from brimwatch.units import Seconds


class Priority(enum.StrEnum):
    """Who gives way first when the host is short: `general` before `important` before `critical`."""

    CRITICAL = "critical"
    IMPORTANT = "important"
    GENERAL = "general"


@dataclass(frozen=True, slots=True)
class PodMatch:
    """Which pods a match takes: every key that is given must hold; with none, any pod.

    All but `qos` are shell patterns on the whole text; `labels` are pairs of key and pattern, sorted.
    """

    namespace: str | None = None
    name: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    container: str | None = None
    qos: str | None = None

    @property
    def asks_names(self) -> bool:
        """True where the cgroup's path does not tell, so that the API server has to."""
        return bool(self.labels) or not (self.namespace is self.name is self.container is None)


@dataclass(frozen=True, slots=True)
class Match:
    """Which processes a target takes: every key that is given must hold.

    `name` is a shell pattern on the kernel's comm, `exe`, `cgroup` and `unit` shell patterns on the whole path or name,
    `cmdline` a regular expression searched in the arguments joined by spaces, `user` a name or uid, `container` the
    beginning of an ID or `*` for any.
    """

    pid: int | None = None
    pidfile: str | None = None
    name: str | None = None
    exe: str | None = None
    cmdline: re.Pattern[str] | None = None
    user: str | None = None
    cgroup: str | None = None
    unit: str | None = None
    container: str | None = None
    pod: PodMatch | None = None
    agent: bool | None = None
    host: bool = False
    children: bool = False
    exclude: Match | None = None  # written `not`


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """One entry under `targets`. `name` may hold placeholders such as `{unit}`: one target for each value.

    `limit_file` tells the limit in bytes where the cgroup cannot be read.
    """

    name: str
    match: Match
    policy: Policy
    grouped: bool = False  # `as: group`: one verdict for the tree
    priority: Priority = Priority.IMPORTANT
    limit_file: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Where names of pods come from. None: as the pod that the daemon runs in has it."""

    api_server: str | None = None
    token_file: str | None = None
    ca_file: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration. `notices` are sentences for the user that are no faults; `digest` tells files apart."""

    targets: tuple[TargetSpec, ...]
    policies: Mapping[str, Policy]
    actions: Mapping[str, Action]
    interval: Seconds = Seconds(1.0)
    dry_run: bool = False
    run_dir: str = "/run/brimwatch"
    retention: Seconds = Seconds(7 * 86400.0)
    introspection_budget: float = 0.005  # share of one core
    kubernetes: Kubernetes | None = None
    source: str = "embedded default"
    digest: str = ""
    notices: tuple[str, ...] = field(default=())
