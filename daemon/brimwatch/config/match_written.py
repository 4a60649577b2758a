"""How would a file write this `match`? As plain values, for a recording, whose reader may want to paste it."""

from __future__ import annotations

from brimwatch.config.settings import Match

_PLAIN = ("pid", "pidfile", "name", "exe", "user", "cgroup", "unit", "container", "agent")


def match_written(match: Match) -> dict[str, object]:
    """The keys and values that `config.match` reads the same match from."""
    written: dict[str, object] = {key: value for key in _PLAIN if (value := getattr(match, key)) is not None}
    if match.cmdline is not None:
        written["cmdline"] = match.cmdline.pattern
    if match.host:
        written["host"] = True
    if match.children:
        written["children"] = True
    if match.exclude is not None:
        written["not"] = match_written(match.exclude)
    return written
