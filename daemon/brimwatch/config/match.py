"""Which processes does a target take? Reads the keys of `match` and refuses what could never, or would always, hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from brimwatch.config.nodes import Node
from brimwatch.config.settings import Match, PodMatch

_CRITERIA = ("pid", "pidfile", "name", "exe", "cmdline", "user", "cgroup", "unit", "container", "pod", "agent")
MATCH_KEYS = (*_CRITERIA, "host", "children", "not")
_MOST_PIDS = 4_194_304  # PID_MAX_LIMIT of a 64-bit kernel, proc_sys_kernel(5)
_COMM_BYTES = 15  # TASK_COMM_LEN without its end, proc_pid_comm(5)
_WILDCARD = re.compile(r"[*?\[]")
_HEX = re.compile(r"[0-9a-fA-F]{1,64}", re.ASCII)
_USER = re.compile(r"[^\s:,]{1,64}")


def read_match(node: Node) -> Match | None:
    """Read the value of `match`."""
    fields = node.mapping(MATCH_KEYS)
    if fields is None:
        return None
    host = fields["host"].flag() if "host" in fields else False
    if host:
        for key in fields.keys() - {"host"}:
            fields[key].fault("a key beside `host: true`", "`host: true` alone", "the host is no process to choose")
        return Match(host=True)
    criteria = _criteria(fields)
    children = fields["children"].flag() if "children" in fields else False
    exclude = _exclude(fields["not"]) if "not" in fields else None
    _refuse_everything(node, fields, criteria.get("agent"))
    return Match(**criteria, children=bool(children), exclude=exclude)


def _refuse_everything(node: Node, fields: Mapping[str, Node], agent: object) -> None:
    """Add a fault for a match that would hold for nearly every process, unless a key at fault may be the reason."""
    chosen = fields.keys() & set(_CRITERIA)
    if chosen == {"agent"} and agent is False:
        node.fault("`agent: false` alone", f"another key of {', '.join(_CRITERIA)}", "it would take every process")
    elif not chosen and len(fields) == len(node.key_names()):
        found = "nothing that chooses" if fields else "an empty match"
        node.fault(found, f"at least one of {', '.join(_CRITERIA)}", "it would take every process")


def _exclude(node: Node) -> Match | None:
    fields = node.mapping(_CRITERIA)
    if fields is None:
        return None
    if not node.key_names():
        node.fault("nothing", "at least one of " + ", ".join(_CRITERIA), "it would leave no process")
    return Match(**_criteria(fields))


def _criteria(fields: dict[str, Node]) -> dict[str, Any]:
    return {key: _READERS[key](fields[key]) for key in _CRITERIA if key in fields}


def _pid(node: Node) -> int | None:
    return node.integer(minimum=1, maximum=_MOST_PIDS)


def read_path(node: Node) -> str | None:
    """An absolute path, or None and a fault."""
    text = node.text()
    if text is not None and not text.startswith("/"):
        node.fault(node.shown, "an absolute path")
    return text


def _path_pattern(node: Node) -> str | None:
    text = node.text()
    if text is not None and text[0] not in "/*?[":
        node.fault(node.shown, "a pattern that begins with / or *", "it is compared with the whole path")
    return text


def _name(node: Node) -> str | None:
    text = node.text()
    if text is not None and len(text.encode()) > _COMM_BYTES and not _WILDCARD.search(text):
        node.fault(node.shown, f"at most {_COMM_BYTES} bytes, or a pattern", "the kernel keeps no more of a name")
    return text


def _unit(node: Node) -> str | None:
    text = node.text()
    if text is not None and "." not in text and not _WILDCARD.search(text):
        node.fault(node.shown, "a unit with its suffix, such as nginx.service, or a pattern")
    return text


def _user(node: Node) -> str | None:
    text = node.scalar("a user name or a uid")
    if text is not None and not _USER.fullmatch(text):
        node.fault(node.shown, "a user name or a uid")
    return text


def _container(node: Node) -> str | None:
    text = node.scalar("the beginning of a container ID, or *")
    if text is None or text == "*" or _HEX.fullmatch(text):
        return text if text is None else text.lower()
    wanted = "the beginning of a container ID (hexadecimal), or *"
    node.fault(node.shown, wanted, "a name is written pod: {container: NAME}")
    return None


def _pod(node: Node) -> PodMatch | None:
    from brimwatch.config.match_pod import read_pod  # only where a pod is asked for

    return read_pod(node)


_READERS: dict[str, Callable[[Node], object]] = {
    "pid": _pid,
    "pidfile": read_path,
    "name": _name,
    "exe": _path_pattern,
    "cmdline": Node.regex,
    "user": _user,
    "cgroup": _path_pattern,
    "unit": _unit,
    "container": _container,
    "pod": _pod,
    "agent": Node.flag,
}
