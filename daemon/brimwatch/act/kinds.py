"""Which kinds of action are there? One table; its keys are the words of the configuration.

A kind's module is imported when it is first asked for: while a configuration that names it is read, never in the middle
of an emergency. Together they are 2,000 of the objects that the daemon allows itself, and most files name two or three.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import cast

from brimwatch.act.request import ActionKind

_MODULES = {
    "signal": "send_signal",
    "exec": "run_command",
    "hook": "call_agent",
    "webhook": "post_webhook",
    "cgroup": "write_cgroup",
    "rlimit": "set_rlimit",
    "stacks": "dump_stacks",
}


class _Kinds(Mapping[str, ActionKind]):
    def __getitem__(self, kind: str) -> ActionKind:
        module = importlib.import_module(f"brimwatch.act.{_MODULES[kind]}")
        return cast("ActionKind", module)

    def __contains__(self, kind: object) -> bool:
        return kind in _MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


ACTIONS: Mapping[str, ActionKind] = _Kinds()
