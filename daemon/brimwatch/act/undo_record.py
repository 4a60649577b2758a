"""How is an undo record written down, and what of a record that is read back is believed?

A record makes a daemon write to a cgroup, or set a limit: everything in it is checked, and nothing else is accepted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from brimwatch.act.undo import CgroupChange, Change, LimitChange, Undo
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup_place import Place
from brimwatch.units import Bytes

VERSION = 1
LONGEST = 16384  # bytes of a whole record: three paths of 4,096 bytes and what is around them
_LONGEST_PATH = 4096
_LONGEST_NAME = 256
_LARGEST = 1 << 63


def to_text(undo: Undo) -> bytes:
    """The record as one JSON object."""
    facts: dict[str, object] = {
        "version": VERSION,
        "boot": undo.boot,
        "action": undo.action,
        "target": undo.target[:_LONGEST_NAME],
        "made": undo.made,
        "until": undo.until,
    }
    change = undo.change
    if isinstance(change, CgroupChange):
        place = change.place
        facts["cgroup"] = {
            "point": place.point,
            "below": place.below,
            "path": place.path,
            "through": None if place.through is None else list(place.through),
            "device": change.device,
            "inode": change.inode,
            "ours": change.ours,
            "before": change.before,
        }
    else:
        facts["rlimit"] = {
            "process": list(change.process),
            "ours": change.ours,
            "before": change.before,
        }
    return json.dumps(facts).encode()


def from_text(text: bytes) -> Undo:
    """Read a record. Raises ValueError, whose message says what was found and what was wanted."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"found {text[:40]!r}, wanted a JSON object") from None
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        raise ValueError(f"found {text[:40]!r}, wanted a record of version {VERSION}")
    return Undo(
        action=_text(facts, "action", _LONGEST_NAME),
        target=_text(facts, "target", _LONGEST_NAME),
        made=_time(facts, "made"),
        until=None if facts.get("until") is None else _time(facts, "until"),
        boot=_text(facts, "boot", 64),
        change=_change(facts),
    )


def _change(facts: Mapping[str, Any]) -> Change:
    cgroup, rlimit = facts.get("cgroup"), facts.get("rlimit")
    if isinstance(cgroup, dict) and rlimit is None:
        through = None if cgroup.get("through") is None else _process(cgroup, "through")
        place = Place(2, _path(cgroup, "point"), _below(cgroup), _path(cgroup, "path"), through=through)
        return CgroupChange(place, _count(cgroup, "device"), _count(cgroup, "inode"), _ours(cgroup), _before(cgroup))
    if isinstance(rlimit, dict) and cgroup is None:
        return LimitChange(_process(rlimit, "process"), _ours(rlimit), _before(rlimit))
    raise ValueError("found neither, wanted one of cgroup and rlimit")


def _text(facts: Mapping[str, Any], key: str, longest: int) -> str:
    value = facts.get(key)
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise ValueError(f"{key}: found {value!r:.60}, wanted a text of at most {longest} characters")
    return value


def _path(facts: Mapping[str, Any], key: str) -> str:
    value = _text(facts, key, _LONGEST_PATH)
    if not value.startswith("/") or (key == "point" and ".." in value.split("/")):
        raise ValueError(f"{key}: found {value!r:.60}, wanted an absolute path")
    return value


def _below(facts: Mapping[str, Any]) -> str:
    """The way below the mount: nothing for the mount itself, and never up again."""
    value = _text(facts, "below", _LONGEST_PATH)
    if (value and not value.startswith("/")) or ".." in value.split("/"):
        raise ValueError(f"below: found {value!r:.60}, wanted a path below the mount")
    return value


def _count(facts: Mapping[str, Any], key: str, value: object = None) -> int:
    found = facts.get(key) if value is None else value
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= 2 * _LARGEST:
        raise ValueError(f"{key}: found {found!r:.60}, wanted a number of at least 0")
    return found


def _ours(facts: Mapping[str, Any]) -> Bytes:
    return Bytes(_count(facts, "ours"))


def _before(facts: Mapping[str, Any]) -> Bytes | None:
    if "before" not in facts:
        raise ValueError("before: found nothing, wanted a number or null")
    return None if facts["before"] is None else Bytes(_count(facts, "before"))


def _time(facts: Mapping[str, Any], key: str) -> float:
    value = facts.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LARGEST:
        raise ValueError(f"{key}: found {value!r:.60}, wanted Unix seconds")
    return float(value)


def _process(facts: Mapping[str, Any], key: str) -> ProcessId:
    value = facts.get(key)
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{key}: found {value!r:.60}, wanted a PID and its start time")
    pid, start = (_count(facts, key, one if one is not None else -1) for one in value)
    if not 1 <= pid <= 1 << 22:
        raise ValueError(f"{key}: found {pid}, wanted a PID")
    return ProcessId(pid, start)
