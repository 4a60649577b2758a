"""Which kinds of action are there? One table; its keys are the words of the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from brimwatch.act import call_agent, dump_stacks, post_webhook, run_command, send_signal, set_rlimit, write_cgroup
from brimwatch.act.request import ActionKind

ACTIONS: Mapping[str, ActionKind] = {
    "signal": send_signal,
    "exec": run_command,
    "hook": call_agent,
    "webhook": post_webhook,
    "cgroup": write_cgroup,
    "rlimit": set_rlimit,
    "stacks": dump_stacks,
}
