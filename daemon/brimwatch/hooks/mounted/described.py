"""What does a process tell of itself over its own web server? `hooks.status()`, with the PID and without details."""

from __future__ import annotations

import os

from brimwatch.hooks.process import rss
from brimwatch.hooks.stats import described, hooks
from brimwatch.hooks.wire import TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from brimwatch.hooks.state import State


def stats_of(state: State, standing: dict[str, Any]) -> dict[str, Any]:
    """The body of `GET /stats`. Of the figures that the agent's socket tells, those that `report` shows."""
    found = described(state, standing)
    all_of_it = found.pop("stats")
    del found["agent"], found["settings"]
    shown = ("rss_bytes", "peak_rss_bytes", "limit", "threads", "tier_source", "thresholds", "busy")
    return {
        "pid": os.getpid(),
        **found,
        "groups": sorted({hook["group"] for hook in found["hooks"] if hook["group"] is not None}),
        **{key: all_of_it[key] for key in shown},
        "agent": standing["state"],
    }


def emergency(state: State) -> dict[str, Any]:
    """The body of `GET /emergency/status`: `emergency_ratio` is 1 where the tier is entered, null where none is set."""
    size, limit, judged = rss(), state.limit(), state.judgement
    enter = judged.thresholds.get("emergency")
    holder = state.turn.holder()
    return {
        "pid": os.getpid(),
        "emergency": judged.tier == TIERS[-1],
        "tier": judged.tier,
        "tier_source": judged.source,
        "rss_bytes": size,
        "limit": None if limit is None else {"bytes": limit[0], "source": limit[1]},
        "emergency_bytes": enter,
        "emergency_ratio": None if size is None or not enter else round(size / enter, 4),
        "busy": None if holder is None else {"hook": holder[0], "seconds": round(holder[1], 3)},
        "hooks": [hook.name for hook in state.registry.chosen(TIERS[-1], None)],
    }


def group_stats(state: State, group: str) -> dict[str, Any]:
    """The body of `GET /{group}/stats`."""
    found = [hook for hook in hooks(state) if hook["group"] == group]
    sizes = [hook["footprint_bytes"] for hook in found if hook["footprint_bytes"] is not None]
    return {
        "pid": os.getpid(),
        "group": group,
        "footprint_bytes": sum(sizes) if sizes else None,
        "claimed_bytes_total": sum(hook["claimed_bytes_total"] for hook in found),
        "hooks": found,
    }
