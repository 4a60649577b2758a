"""What does a process tell of itself? The body of `GET /v1/stats`, and what `hooks.status()` shows."""

from __future__ import annotations

import os
import threading
import time

from brimwatch.hooks.collect import HERITAGE
from brimwatch.hooks.process import os_threads, peak_rss, rss, vms
from brimwatch.hooks.settings import SETTINGS
from brimwatch.hooks.wire import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from brimwatch.hooks.registry import Hook
    from brimwatch.hooks.state import State


def stats(state: State, count_objects: bool = False) -> dict[str, Any]:
    """All of it, as JSON can hold it. What cannot be measured is null, never 0."""
    from brimwatch import __version__

    now = time.monotonic()
    limit = state.limit()
    return {
        "agent": {"version": __version__, "wire": VERSION, "forked": state.forked},
        "pid": os.getpid(),
        "start_ticks": state.ticks,
        "uid": os.geteuid(),
        "rss_bytes": rss(),
        "peak_rss_bytes": peak_rss(),
        "vms_bytes": vms(),
        "limit": None if limit is None else {"bytes": limit[0], "source": limit[1]},
        "threads": os_threads(),
        "python_threads": threading.active_count(),
        "python": state.census.take(count_objects, HERITAGE.would_unshare),
        "tier": state.judgement.tier,
        "tier_source": state.judgement.source,
        "warnings": state.judgement.warnings,
        "thresholds": dict(state.judgement.thresholds),
        "lease": _lease(state, now),
        "busy": _busy(state),
        "hooks": hooks(state),
        "hooks_refused": state.registry.refused,
        "subscribers_refused": state.registry.subscribers_refused,
        "figures_age_seconds": round(now - state.figures.at, 3) if state.figures.values else None,
        "faults": {
            "figures": state.figures.faults,
            "subscribers": state.registry.deaf,
            "signal": state.main.faults,
            "forks": state.registry.fork_faults,
        },
    }


def described(state: State, standing: dict[str, Any]) -> dict[str, Any]:
    """What `hooks.status()` shows, with the figures of last time. A GB is 1,000,000,000 bytes."""
    found = stats(state)
    gigabyte = 1e9
    return {
        "memory_usage_gb": None if found["rss_bytes"] is None else found["rss_bytes"] / gigabyte,
        "peak_memory_gb": None if found["peak_rss_bytes"] is None else found["peak_rss_bytes"] / gigabyte,
        "memory_warnings": found["warnings"],
        "tier": found["tier"],
        "hooks": found["hooks"],
        "caches": {
            hook["name"]: {key: hook[key] for key in ("footprint_bytes", "hit_ratio", "info")}
            for hook in found["hooks"]
            if hook["footprint_bytes"] is not None or hook["hit_ratio"] is not None or hook["info"]
        },
        "agent": {**standing, "signal": state.main.number, "signal_refused": state.main.why},
        "settings": {"level": SETTINGS.level, **SETTINGS.values},
        "stats": found,
    }


def hooks(state: State) -> list[dict[str, Any]]:
    """Every hook in its order, with its counts, its figures and how it ended last."""
    known = [hook for hook in state.registry.hooks.values() if not hook.gone]
    registered = sorted(known, key=lambda hook: (hook.order, hook.name))
    return [_hook(hook, state.run_on, state.figures.values.get(hook.name, {})) for hook in registered]


def _hook(hook: Hook, default: Any, figures: dict[str, Any]) -> dict[str, Any]:
    where = default if hook.run_on is None else hook.run_on
    return {
        "name": hook.name,
        "tier": hook.tier,
        "order": hook.order,
        "run_on": where if isinstance(where, str) else "loop",
        "group": hook.group,
        "runs": hook.runs,
        "failures": hook.failures,
        "suppressed": hook.suppressed,
        "claimed_bytes_total": hook.claimed_bytes,
        "footprint_bytes": figures.get("footprint_bytes"),
        "hit_ratio": figures.get("hit_ratio"),
        "info": figures.get("info", {}),
        "last": hook.last,
    }


def _lease(state: State, now: float) -> dict[str, Any] | None:
    if not state.lease.is_fresh(now) or state.lease.holder is None:
        return None
    pid, daemon = state.lease.holder
    return {"pid": pid, "daemon": daemon, "expires_in_seconds": round(state.lease.until - now, 3)}


def _busy(state: State) -> dict[str, Any] | None:
    holder = state.turn.holder()
    return None if holder is None else {"hook": holder[0], "seconds": round(holder[1], 3)}
