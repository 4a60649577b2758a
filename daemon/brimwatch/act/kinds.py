"""Which kinds of action are there? One table; its keys are the words of the configuration."""

from collections.abc import Mapping

from brimwatch.act import planned, post_webhook, run_command, send_signal
from brimwatch.act.request import ActionKind

ACTIONS: Mapping[str, ActionKind] = {
    "signal": send_signal,
    "exec": run_command,
    "hook": planned.HOOK,
    "webhook": post_webhook,
    "cgroup": planned.CGROUP,
    "rlimit": planned.RLIMIT,
    "stacks": planned.STACKS,
}
