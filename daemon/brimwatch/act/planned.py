"""Which kinds of action does the configuration know that this version cannot run yet?

Their shape is checked, so that a file written for them is a good file, and a run says plainly that nothing was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from brimwatch.act.request import Request, Traits
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict

TIERS = ("warning", "critical", "emergency")


class Planned:
    """One such kind: `read` checks the value under its own key."""

    def __init__(self, name: str, read: Callable[[Node], Traits | None], reason: Reason, notice: str) -> None:
        self.name = name
        self.reason = reason
        self.NOTICE = notice
        self._keys = frozenset({name})
        self._read = read

    @property
    def KEYS(self) -> frozenset[str]:  # noqa: N802 - a constant, as the modules of the other kinds have it
        """The keys of an action that belong to this kind."""
        return self._keys

    def parse(self, node: Node) -> Traits | None:
        """Check a whole action of this kind."""
        fields = node.mapping()
        if fields is None or self.name not in fields:
            return None
        return self._read(fields[self.name])

    async def run(self, request: Request) -> Attempt:
        """Do nothing, and say so."""
        now = time.monotonic()
        return Attempt(Verdict.SUPPRESSED, now, now, self.reason, f"{request.action.name}: {self.NOTICE}")


def _read_hook(node: Node) -> Traits | None:
    fields = node.mapping(("names",))
    if fields is None:
        return None
    names: tuple[str, ...] = ()
    if "names" in fields:
        items = fields["names"].items()
        if items is None:
            return None
        if not items:
            fields["names"].fault("an empty list", "at least one name", "leave `names` out for all hooks")
            return None
        texts = [item.text(64) for item in items]
        names = tuple(text for text in texts if text is not None)
        if len(names) < len(texts):
            return None
    return Traits(names, cooperative=True)


_LATER = "this version does not {} yet; the rung is skipped with the reason `unsupported`"

HOOK = Planned(
    "hook",
    _read_hook,
    Reason.NO_AGENT,
    "this version does not call agents yet; the rung is skipped with the reason `no_agent`",
)
