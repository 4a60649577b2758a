"""What does an agent say, once it is bounded? Names are names, numbers are finite and not too large, or absent."""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.agent.fault import AgentFault
from brimwatch.hooks.wire import (
    FAILED,
    LONGEST_DETAIL,
    MOST_BYTES,
    MOST_HOOKS,
    MOST_INFO,
    RAN,
    REASONS,
    SUPPRESSED,
    TIERS,
    bounded,
    is_name,
)
from brimwatch.model import Reason

GENERATIONS = 4  # of the garbage collector; CPython has three
LARGEST = 1e300  # of a figure that a hook shows
_REASON = {**{word: Reason(word) for word in REASONS}, "no_handler": Reason.NOT_FOUND}


class HookFigures(NamedTuple):
    """One hook: what it holds (bytes), how often its cache is asked in vain (0 to 1), and what else it shows."""

    name: str
    footprint: int | None = None
    hit_ratio: float | None = None
    info: tuple[tuple[str, float], ...] = ()


class Stats(NamedTuple):
    """`GET /v1/stats`. Sizes are bytes; `left_out`: hooks beyond the bound, or without a name."""

    pid: int
    rss: int
    tier: str | None = None
    threads: int | None = None  # those that Python knows
    objects: int | None = None
    collections: tuple[int, ...] = ()  # of the garbage collector, by generation
    hooks: tuple[HookFigures, ...] = ()
    left_out: int = 0


class HookOutcome(NamedTuple):
    """What became of one hook; `claimed` bytes are what it says."""

    name: str
    outcome: str
    reason: Reason | None = None
    claimed: int | None = None
    detail: str = ""


class Reclaimed(NamedTuple):
    """`POST /v1/reclaim`. `reclaimed` is what the agent measured."""

    hooks: tuple[HookOutcome, ...] = ()
    claimed: int | None = None
    reclaimed: int | None = None
    complete: bool = True


def read_stats(body: dict[str, object]) -> Stats:
    """The figures of an answer. What cannot be believed is left out; raises AgentFault where nothing is left."""
    pid, rss = _whole(body.get("pid")), _whole(body.get("rss_bytes"))
    if pid is None or rss is None:
        raise AgentFault(Reason.ERROR, "its figures have no pid and rss_bytes")
    python = _mapping(body.get("python"))
    collections = _list(_mapping(python.get("gc")).get("collections"))[:GENERATIONS]
    counted = [_whole(one) for one in collections]
    listed = _list(body.get("hooks"))
    hooks = {one.name: one for one in map(_figures, listed[:MOST_HOOKS]) if one is not None}
    tier = body.get("tier")
    return Stats(
        pid,
        rss,
        tier if isinstance(tier, str) and tier in TIERS else None,
        _whole(body.get("python_threads")),
        _whole(python.get("objects")),
        tuple(one for one in counted if one is not None) if None not in counted else (),
        tuple(hooks.values()),
        max(0, len(listed) - len(hooks)) + min(_whole(body.get("hooks_refused")) or 0, 1 << 20),
    )


def read_reclaimed(body: dict[str, object]) -> Reclaimed:
    """What became of a reclaim. Nothing is needed: who answers has done what it could."""
    hooks = tuple(one for one in map(_outcome, _list(body.get("hooks"))[: 2 * MOST_HOOKS]) if one is not None)
    return Reclaimed(
        hooks,
        _whole(body.get("claimed_bytes")),
        _signed(body.get("reclaimed_bytes")),
        body.get("complete") is not False,
    )


def _figures(found: object) -> HookFigures | None:
    hook = _mapping(found)
    name, ratio = hook.get("name"), _real(hook.get("hit_ratio"), 0.0, 1.0)
    if not isinstance(name, str) or not is_name(name):
        return None
    info = {
        key: value
        for key, one in list(_mapping(hook.get("info")).items())[:MOST_INFO]
        if is_name(key) and (value := _real(one, -LARGEST, LARGEST)) is not None
    }
    return HookFigures(name, _whole(hook.get("footprint_bytes")), ratio, tuple(info.items()))


def _outcome(found: object) -> HookOutcome | None:
    hook = _mapping(found)
    name, outcome, reason, detail = (hook.get(key) for key in ("name", "outcome", "reason", "detail"))
    if not isinstance(name, str) or not is_name(name) or outcome not in (RAN, SUPPRESSED, FAILED):
        return None
    told = None if outcome == RAN else _REASON.get(reason, Reason.ERROR) if isinstance(reason, str) else Reason.ERROR
    shown = bounded(detail, LONGEST_DETAIL) if isinstance(detail, str) else ""
    return HookOutcome(name, str(outcome), told, _whole(hook.get("claimed_bytes")), shown)


def _mapping(found: object) -> dict[str, object]:
    return found if isinstance(found, dict) else {}


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _whole(found: object) -> int | None:
    """A whole number from 0 to below 2^62."""
    return _signed(found) if isinstance(found, (int, float)) and found >= 0 else None


def _signed(found: object) -> int | None:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return int(found) if -MOST_BYTES < found < MOST_BYTES else None  # not met by NaN, nor by an infinity


def _real(found: object, least: float, most: float) -> float | None:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return float(found) if least <= found <= most else None
