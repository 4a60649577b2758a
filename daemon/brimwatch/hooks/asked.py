"""What may a request's body say? Every field checked before anything is done; what is not known is skipped."""

from __future__ import annotations

import math

from brimwatch.hooks.http import Refused
from brimwatch.hooks.wire import (
    DEADLINE_SECONDS,
    LONGEST_DEADLINE,
    LONGEST_LEASE,
    LONGEST_NAME,
    LONGEST_REASON,
    MOST_BYTES,
    MOST_HOOKS,
    TIERS,
    bounded,
    is_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ReclaimAsked:
    """The body of `POST /v1/reclaim`."""

    __slots__ = ("daemon", "group", "lease", "names", "needed_bytes", "reason", "seconds", "severity_ratio", "tier")

    def __init__(self, body: dict[str, Any]) -> None:
        self.tier = tier(body, TIERS[1:])
        needed = number(body, "needed_bytes", 0, MOST_BYTES)
        self.needed_bytes = None if needed is None else int(needed)
        self.severity_ratio = number(body, "severity_ratio", 0, 1e6)
        seconds = number(body, "deadline_seconds", 0.01, LONGEST_DEADLINE)
        self.seconds = DEADLINE_SECONDS if seconds is None else seconds
        self.names = names(body)
        self.group = group(body)
        self.lease = lease(body)
        self.reason = text(body, "reason", LONGEST_REASON)
        self.daemon = text(body, "daemon", LONGEST_NAME)


class TierAsked:
    """The body of `PUT /v1/tier`."""

    __slots__ = ("daemon", "expires", "thresholds", "tier")

    def __init__(self, body: dict[str, Any]) -> None:
        self.tier = tier(body, TIERS)
        expires = number(body, "expires_seconds", 0.01, LONGEST_LEASE)
        if expires is None:
            raise Refused(400, "wanted expires_seconds: for how long that holds")
        self.expires = expires
        self.thresholds = thresholds(body)
        self.daemon = text(body, "daemon", LONGEST_NAME)


def tier(body: dict[str, Any], allowed: tuple[str, ...]) -> str:
    """The field `tier`. Raises Refused, as all of these."""
    found = body.get("tier")
    if not isinstance(found, str) or found not in allowed:
        raise Refused(400, f"wanted tier: one of {', '.join(allowed)}")
    return found


def number(body: dict[str, Any], key: str, least: float, most: float) -> float | None:
    """A number within bounds; None where it is not said."""
    found = body.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not least <= found <= most:
        raise Refused(400, f"wanted {key}: a number from {least:g} to {most:g}")
    return found


def text(body: dict[str, Any], key: str, longest: int) -> str:
    """A text in one line of printable ASCII, cut to its length; empty where it is not said."""
    found = body.get(key)
    if found is not None and not isinstance(found, str):
        raise Refused(400, f"wanted {key}: a text")
    return bounded(found or "", longest)


def names(body: dict[str, Any]) -> tuple[str, ...] | None:
    """The field `names`; None where it is not said. An empty list names no hook."""
    found = body.get("names")
    if found is None:
        return None
    if not isinstance(found, list) or len(found) > MOST_HOOKS or not all(map(is_name, found)):
        raise Refused(400, f"wanted names: a list of at most {MOST_HOOKS} names of hooks")
    return tuple(found)


def group(body: dict[str, Any]) -> str | None:
    """The field `group`; None where it is not said."""
    found = body.get("group")
    if found is not None and not is_name(found):
        raise Refused(400, "wanted group: the name of a group of hooks")
    return found


def lease(body: dict[str, Any]) -> bool:
    """The field `lease`: whether who asks looks after the process from now on; False is for what is asked by hand."""
    found = body.get("lease", True)
    if not isinstance(found, bool):
        raise Refused(400, "wanted lease: true or false")
    return found


def thresholds(body: dict[str, Any]) -> dict[str, int] | None:
    """The field `thresholds`: tier to resident bytes; None where it is not said."""
    found = body.get("thresholds")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise Refused(400, "wanted thresholds: tiers and their resident bytes")
    known = {key: value for key, value in found.items() if key in TIERS[1:]}
    for key, value in known.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MOST_BYTES:
            raise Refused(400, f"wanted thresholds.{key}: resident bytes above 0")
    return {key: math.ceil(value) for key, value in known.items()}
