"""Which kinds of action are there? One table; its keys are the words of the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from brimwatch.act import planned, run_command, send_signal
from brimwatch.act.request import ActionKind

ACTIONS: Mapping[str, ActionKind] = {
    "signal": send_signal,
    "exec": run_command,
    "hook": planned.HOOK,
    "webhook": planned.WEBHOOK,
    "cgroup": planned.CGROUP,
    "rlimit": planned.RLIMIT,
    "stacks": planned.STACKS,
}
