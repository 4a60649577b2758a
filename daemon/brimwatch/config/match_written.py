"""How would a file write this `match`? As plain values, for a recording, whose reader may want to paste it."""

from __future__ import annotations

from brimwatch.config.settings import Match, PodMatch

_PLAIN = ("pid", "pidfile", "name", "exe", "user", "cgroup", "unit", "container", "agent")


def match_written(match: Match) -> dict[str, object]:
    """The keys and values that `config.match` reads the same match from."""
    written: dict[str, object] = {key: value for key in _PLAIN if (value := getattr(match, key)) is not None}
    if match.cmdline is not None:
        written["cmdline"] = match.cmdline.pattern
    if match.pod is not None:
        written["pod"] = _pod_written(match.pod)
    if match.host:
        written["host"] = True
    if match.children:
        written["children"] = True
    if match.exclude is not None:
        written["not"] = match_written(match.exclude)
    return written


def _pod_written(pod: PodMatch) -> object:
    keys = ("namespace", "name", "container", "qos")
    written: dict[str, object] = {key: value for key in keys if (value := getattr(pod, key)) is not None}
    if pod.labels:
        written["labels"] = dict(pod.labels)
    return written or "*"
