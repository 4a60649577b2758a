"""What does the interpreter know of itself? Cheap figures always; the number of objects only when asked for."""

from __future__ import annotations

import gc
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_BLOCKS = 5_000_000  # above, counting objects would build a list of 40 MB and hold the GIL for 0.1 s
OBJECTS_FRESH = 10.0  # seconds for which a count is not made again


class Census:
    """Figures of the interpreter; `unshared` says that touching every object would copy what a fork shares."""

    def __init__(self) -> None:
        self._objects: tuple[int, float] | None = None

    def take(self, count_objects: bool, would_unshare: bool) -> dict[str, Any]:
        """One look. `blocks` is what sys.getallocatedblocks() counts: a close and cheap relative of the objects."""
        blocks = sys.getallocatedblocks() if hasattr(sys, "getallocatedblocks") else None
        found: dict[str, Any] = {
            "version": ".".join(map(str, sys.version_info[:3])),
            "implementation": sys.implementation.name,
            "blocks": blocks,
            "gc": collector(),
        }
        if count_objects:
            found.update(self._count(blocks, would_unshare))
        return found

    def _count(self, blocks: int | None, would_unshare: bool) -> dict[str, Any]:
        now = time.monotonic()
        if self._objects is None or now - self._objects[1] >= OBJECTS_FRESH:
            if would_unshare:
                return {"objects": None, "objects_missing": "would_unshare"}
            if (blocks or 0) > MOST_BLOCKS:
                return {"objects": None, "objects_missing": "budget"}
            self._objects = (len(gc.get_objects()) + _frozen(), now)
        return {"objects": self._objects[0], "objects_age_seconds": round(now - self._objects[1], 3)}


def collector() -> dict[str, Any]:
    """The garbage collector: on or off, counts and thresholds, and what each generation has done so far."""
    statistics = gc.get_stats() if hasattr(gc, "get_stats") else []
    return {
        "enabled": gc.isenabled(),
        "count": list(gc.get_count()),
        "threshold": list(gc.get_threshold()),
        "frozen": _frozen(),
        "collections": [generation["collections"] for generation in statistics],
        "collected": [generation["collected"] for generation in statistics],
        "uncollectable": [generation["uncollectable"] for generation in statistics],
    }


def _frozen() -> int:
    return gc.get_freeze_count() if hasattr(gc, "get_freeze_count") else 0
