"""Which tier holds, and which blocks hear of it when it changes? All of them are one subscriber of `hooks.on_tier`."""

from __future__ import annotations

import time

from brimwatch.hooks import api
from brimwatch.hooks.living import Living
from brimwatch.hooks.wire import TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Following:
    """The blocks that have a `tier_changed(tier)`, which is called on a thread of ours."""

    def __init__(self) -> None:
        self.blocks = Living()
        self.heard: str | None = None  # what the subscriber was told last

    def add(self, block: Any) -> None:
        """Tell it of each change, and at once where a tier above calm holds already."""
        self.blocks.add(block)
        api.REGISTRY.subscribe(self.tell, ours=True)  # once, however often
        told, now = TIERS[0], tier() or TIERS[0]
        while told != now:  # it may change while we tell
            block.tier_changed(now)
            told, now = now, tier() or TIERS[0]

    def discard(self, block: Any) -> None:
        """Tell it no more."""
        self.blocks.discard(block)

    def tell(self, new: str) -> None:
        """The subscriber. A block that raises is counted, and keeps nobody from hearing."""
        self.heard = new
        for block in self.blocks:
            try:
                block.tier_changed(new)
            except Exception:  # noqa: BLE001 - shown as `faults.subscribers`
                api.REGISTRY.deaf += 1


FOLLOWING = Following()


def tier() -> str | None:
    """The tier of this process as far as somebody judges it; None where nobody does."""
    found = api._made.get("installation")
    if found is None or found.standing["state"] == "deferred":
        return FOLLOWING.heard
    judged = found.state.judgement
    spoken = judged.source != "nobody" and (found.agent is not None or judged.told(time.monotonic()))
    return str(judged.tier) if spoken else None


def rank(name: str | None) -> int:
    """0 for calm or unknown, 3 for emergency."""
    return 0 if name is None else TIERS.index(name)
