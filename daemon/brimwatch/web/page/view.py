"""What does a person see? One page: the tiers, a table with the most urgent first, the latest events.

It is written on the server and whole; a script of our own asks for it again every two seconds, and without scripts the
browser does. Nothing comes from elsewhere. Every word that a target could have chosen is escaped.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from brimwatch import __version__
from brimwatch.units import format_bytes, format_duration, format_ratio
from brimwatch.web.page.parts import event, row, tier_count
from brimwatch.web.respond import respond
from brimwatch.web.services import Overview, Services

MOST_ROWS = 200
MOST_EVENTS = 20
_TOGETHER = 25  # rows written before the loop gets its turn: about 0.5 ms
_COLUMNS = ("Target", "Tier", "Resident", "Limit", "Headroom", "Growth", "Time to limit", "Last event")
_NUMBERS = ("Resident", "Headroom", "Growth", "Time to limit")
_HEADS = "".join(f'<th scope="col"{" class=number" if name in _NUMBERS else ""}>{name}</th>' for name in _COLUMNS)
_MARK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 4h16l-2 16H6z" fill="none" stroke="currentColor"'
    ' stroke-width="2" stroke-linejoin="round"/><path d="M5.3 11q3.3-2 6.7 0t6.7 0L17.2 19H6.8z" fill="#3b82c4"/></svg>'
)
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath d='M4 4h16l-2 16H6z'"
    " fill='%23fff' stroke='%23334' stroke-width='2'/%3E%3Cpath d='M5.3 11q3.3-2 6.7 0t6.7 0L17.2 19H6.8z'"
    " fill='%233b82c4'/%3E%3C/svg%3E"
)


class Page:
    """GET /."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._style, self._script = _read("page.css"), _read("page.js")
        self._policy = "; ".join(
            (
                "default-src 'none'",
                f"style-src '{_digest(self._style)}'",
                f"script-src '{_digest(self._script)}'",
                "connect-src 'self'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )

    async def show(self, request: Request) -> Response:
        """Write the page."""
        overview = self._services.overview()
        body = "".join((self._top(overview), await self._middle(overview), self._bottom()))
        response = await respond(request, body.encode("utf-8", "replace"), "text/html; charset=utf-8")
        response.headers["content-security-policy"] = self._policy
        return response

    def _top(self, overview: Overview) -> str:
        urgent = sum(overview.tiers.get(tier, 0) for tier in ("critical", "emergency"))
        title = f"({urgent}) Brimwatch" if urgent else "Brimwatch"
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{title}</title>\n<link rel="icon" href="{_ICON}">\n'
            f'<noscript><meta http-equiv="refresh" content="5"></noscript>\n<style>{self._style}</style>\n</head>\n'
            f'<body>\n<div class="page">\n<header><h1>{_MARK}Brimwatch</h1>'
            f'<p class="facts" id="head">{_facts(overview)}</p></header>\n<main>\n'
            f'<p class="note bad" id="lost" role="status"></p>\n<div id="notes">{_notes(overview)}</div>\n'
            f'<ul class="tiers" id="tiers">{_tiers(overview)}</ul>\n'
        )

    async def _middle(self, overview: Overview) -> str:
        now = time.time()
        stale = max(5.0, 3 * overview.interval)
        rows: list[str] = []
        for found in self._services.rows(MOST_ROWS):
            rows.append(row(found, now, stale))
            if len(rows) % _TOGETHER == 0:
                await asyncio.sleep(0)
        if not rows:
            rows.append(
                '<tr><td colspan="8" class="nothing">No target is configured, or none was looked at yet.</td></tr>'
            )
        more = f"The {len(rows)} most urgent of {overview.rows} are shown." if overview.rows > len(rows) else ""
        return (
            '<div class="table" tabindex="0" role="region" aria-label="Targets"><table>\n'
            f'<thead><tr>{_HEADS}</tr></thead>\n<tbody id="rows">{"".join(rows)}</tbody>\n</table></div>\n'
            f'<p class="small" id="shown">{more}</p>\n'
        )

    def _bottom(self) -> str:
        lines = "".join(event(line) for line in self._services.lines(MOST_EVENTS))
        none = '<li><span class="nothing">Nothing has happened yet.</span></li>'
        return (
            f'<h2>Last events</h2>\n<ol class="events" id="events">{lines or none}</ol>\n</main>\n'
            f"<footer><span>Brimwatch {escape(__version__)}</span>"
            '<a href="/metrics">Metrics</a><a href="/api/v1/targets">Targets as JSON</a>'
            '<a href="/api/v1/events">Events as JSON</a><a href="/api/v1/status">Status as JSON</a>'
            "<span>Times are UTC.</span></footer>\n</div>\n"
            f"<script>{self._script}</script>\n</body>\n</html>\n"
        )


def _facts(overview: Overview) -> str:
    memory = ""
    if overview.memory is not None and overview.memory_used is not None:
        memory = (
            f"<span>machine <b>{format_ratio(overview.memory_used)}</b> of {format_bytes(overview.memory)} used</span>"
        )
    asof = time.strftime("%H:%M:%S", time.gmtime(overview.wall))
    up = format_duration(max(0.0, overview.wall - overview.started_wall))
    return f"{memory}<span>watching for <b>{up}</b></span><span>as of <b>{asof}</b> UTC</span>"


def _notes(overview: Overview) -> str:
    notes = ""
    if overview.dry_run:
        notes += '<p class="note">Dry run: tiers are judged and told, nothing is acted on.</p>'
    if not overview.config_ok:
        source = escape(overview.config_source)
        notes += (
            f'<p class="note bad">The configuration now in {source} was refused; the last good one stays in force.'
            " The log says why.</p>"
        )
    return notes


def _tiers(overview: Overview) -> str:
    return "".join(
        tier_count(tier, overview.tiers.get(tier, 0)) for tier in ("emergency", "critical", "warning", "calm", "absent")
    )


def _read(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
