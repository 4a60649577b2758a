"""How is one row, one event, one count written as HTML? Everything that is not ours is escaped here."""

from __future__ import annotations

import time
from html import escape

from brimwatch.units import format_bytes, format_duration, format_ratio
from brimwatch.web.services import Line, Row

_NOTHING = '<span class="nothing" title="not measured">-</span>'
_SOON = 60.0  # seconds to the limit that are shown loudly
_LONG = 7 * 86400.0
_STEADY = 1000.0  # bytes per second that are no growth
_SIGNS = {
    "calm": '<circle cx="5" cy="5" r="4"/>',
    "warning": '<path d="M5 .8 9.6 9H.4z"/>',
    "critical": '<path d="M5 .3 9.7 5 5 9.7.3 5z"/>',
    "emergency": '<path d="M.8.8h8.4v8.4H.8z"/>',
    "absent": '<path d="M1 4h8v2H1z"/>',
}


def row(subject: Row, now: float, stale: float) -> str:
    """One subject as a table row. What was seen longer ago than `stale` seconds says so."""
    tier = subject.tier if subject.tier in _SIGNS else "absent"
    cells = (
        _cell("Target", "name", _name(subject)),
        _cell("Tier", "", _tier(tier, subject.since_wall, now)),
        _cell("Resident", "number", _resident(subject, stale)),
        _cell("Limit", "limit", _limit(subject)),
        _cell("Headroom", "number", _NOTHING if subject.headroom is None else format_bytes(subject.headroom)),
        _cell("Growth", "number", _growth(subject.growth)),
        _cell("Time to limit", "number", _left(subject.time_to_limit)),
        _cell("Last event", "last", _last(subject)),
    )
    return f'<tr class="{tier}">{"".join(cells)}</tr>\n'


def event(line: Line) -> str:
    """One event as a list item."""
    level = line.level if line.level in ("debug", "info", "warning", "error") else "info"
    told = f'<span class="level">{level}</span><span>{escape(line.told)}</span>'
    return f'<li class="{level}">{_moment(line.wall)}{told}</li>\n'


def tier_count(tier: str, count: int) -> str:
    """How many subjects are in a tier."""
    some = " some" if count else ""
    return f'<li class="{tier}{some}"><b>{count}</b>{"matching nothing" if tier == "absent" else tier}</li>'


def _cell(label: str, kind: str, content: str) -> str:
    return f'<td data-label="{label}"{f" class={kind}" if kind else ""}><div>{content}</div></td>'


def _name(subject: Row) -> str:
    name = _full_name(subject)
    about = " · ".join(part for part in (subject.about, subject.policy) if part)
    return f'<b>{escape(name)}</b><span class="small">{escape(about)}</span>'


def _tier(tier: str, since: float, now: float) -> str:
    pill = f'<span class="pill"><svg viewBox="0 0 10 10" aria-hidden="true">{_SIGNS[tier]}</svg>{tier}</span>'
    return pill + (f'<span class="small">for {format_duration(max(0.0, now - since))}</span>' if since else "")


def _resident(subject: Row, stale: float) -> str:
    shown = _NOTHING if subject.resident is None else format_bytes(subject.resident)
    if subject.age is not None and subject.age > stale:
        shown += f'<span class="small soon">seen {format_duration(subject.age)} ago</span>'
    return shown


def _limit(subject: Row) -> str:
    if subject.limit is None:
        return _NOTHING
    shown = f'{format_bytes(subject.limit)} <span class="nothing">{escape(subject.limit_source or "")}</span>'
    if subject.used_ratio is None:
        return shown
    used = min(1.0, max(0.0, subject.used_ratio))
    return (
        f'{shown}<svg viewBox="0 0 100 6" preserveAspectRatio="none" role="img"'
        f' aria-label="{format_ratio(used)} used"><rect class="track" width="100" height="6" rx="3"/>'
        f'<rect class="fill" width="{used * 100:.1f}" height="6" rx="3"/></svg>'
    )


def _growth(growth: float | None) -> str:
    if growth is None:
        return _NOTHING
    if abs(growth) < _STEADY:
        return '<span class="nothing">steady</span>'
    return f"{'+' if growth > 0 else '−'}{format_bytes(abs(growth))}/s"  # noqa: RUF001 - a minus sign, as wide as +


def _left(seconds: float | None) -> str:
    if seconds is None:
        return _NOTHING
    if seconds > _LONG:
        return '<span class="nothing">over a week</span>'
    shown = format_duration(max(0.0, seconds))
    return f'<span class="soon">{shown}</span>' if seconds <= _SOON else shown


def _last(subject: Row) -> str:
    line = subject.last
    if line is None:
        return _NOTHING
    told = line.told
    for name in (_full_name(subject), subject.target):  # the row says who already
        if told.startswith((f"{name} ", f"{name}: ")):
            told = told[len(name) :].lstrip(": ")
            break
    return f"{_moment(line.wall)} {escape(told)}"


def _full_name(subject: Row) -> str:
    return subject.target if subject.member is None else f"{subject.target}#{subject.member}"


def _moment(wall: float) -> str:
    moment = time.gmtime(wall)
    return (
        f'<time datetime="{time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)}" title="{time.strftime("%Y-%m-%d", moment)}">'
        f"{time.strftime('%H:%M:%S', moment)}</time>"
    )
