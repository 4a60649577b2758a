"""How does a person read it? The same figures as lines of plain text. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLUMNS = "{:<24} {:<10} {:>5} {:>7} {:>12} {:>10} {:>5}  {}"


def report(found: dict[str, Any]) -> str:
    """The body of `GET /stats` as text; sizes are MB of 1,000,000 bytes."""
    lines = [f"Memory of process {found['pid']}", "", *_process(found), "", *_hooks(found["hooks"])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _process(found: dict[str, Any]) -> list[str]:
    limit, rss = found["limit"], found["rss_bytes"]
    share = f", {rss / limit['bytes']:.1%} of it" if limit and rss is not None else ""
    thresholds = ", ".join(f"{tier} at {_size(size)}" for tier, size in found["thresholds"].items())
    busy = found["busy"]
    return [
        f"resident set   {_size(rss)}, at most {_size(found['peak_rss_bytes'])} so far",
        f"limit          {_size(limit['bytes'])} ({limit['source']}){share}" if limit else "limit          unknown",
        f"tier           {found['tier']}, told by: {found['tier_source']}",
        f"entered        a higher tier {found['memory_warnings']} times",
        f"thresholds     {thresholds or 'none'}",
        f"threads        {found['threads']}",
        f"agent          {found['agent']}",
        f"running now    {busy['hook']} for {busy['seconds']:.1f} s" if busy else "running now    no hook",
    ]


def _hooks(hooks: list[dict[str, Any]]) -> list[str]:
    head = _COLUMNS.format("hook", "from tier", "runs", "failed", "claimed", "holds", "hits", "last")
    return [head, *(_hook(hook) for hook in hooks)]


def _hook(hook: dict[str, Any]) -> str:
    name = hook["name"] if hook["group"] is None else f"{hook['group']}/{hook['name']}"
    ratio, last = hook["hit_ratio"], hook["last"]
    return _COLUMNS.format(
        name,
        hook["tier"],
        hook["runs"],
        hook["failures"],
        _size(hook["claimed_bytes_total"]),
        "-" if hook["footprint_bytes"] is None else _size(hook["footprint_bytes"]),
        "-" if ratio is None else f"{ratio:.0%}",
        "-" if last is None else _last(last),
    )


def _last(last: dict[str, Any]) -> str:
    measured = "" if last["measured_bytes"] is None else f", {_size(last['measured_bytes'])} measured"
    why = "" if last["reason"] is None else f" ({last['reason']})"
    said = f": {last['detail']}" if last["detail"] else ""
    return f"{last['outcome']}{why}{measured}{said}"


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:.1f} MB"
