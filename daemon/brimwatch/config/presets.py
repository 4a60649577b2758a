"""What is watched when no configuration file is given?"""

from __future__ import annotations

from brimwatch.config.actions import Kinds
from brimwatch.config.embedded import DEFAULT, DEFAULT_SOURCE, embedded
from brimwatch.config.load import load
from brimwatch.config.settings import Config
from brimwatch.units import Seconds

SINGLE_POLICY = "standard"


def default_config(kinds: Kinds) -> Config:
    """Every process with an agent under `standard`; every container, systemd service and the host under `observe`."""
    return load(embedded(DEFAULT), DEFAULT_SOURCE, kinds)


def single_process_config(pid: int, interval: Seconds | None, kinds: Kinds, policy: str = SINGLE_POLICY) -> Config:
    """One process, looked at every `interval` seconds (None: the default), under one built-in policy.

    `standard` is safe for a process nobody prepared: its rungs ask the agent, and where there is none they end as
    `no_agent`. Raises ConfigError when `pid`, `interval` or `policy` cannot be.
    """
    settings = "" if interval is None else f"global: {{interval: {interval:.6f}s}}\n"
    target = f"{{name: pid-{pid}, match: {{pid: {pid}}}, policy: '{policy}'}}"
    return load(f"{settings}targets: [{target}]\n", "command line", kinds)
