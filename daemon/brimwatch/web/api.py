"""What does each path under `/api/v1` and `/-/` answer?"""

from __future__ import annotations

import datetime
import math

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from brimwatch.web.respond import refusal, respond, respond_json, respond_list
from brimwatch.web.services import Services

MOST_EVENTS = 1000
_USUAL_EVENTS = 100
_LONGEST_VALUE = 256
_EVENT_PARAMETERS = ("target", "since", "limit")
_WANTED_SINCE = "an event id, Unix seconds, or a time such as 2026-01-31T12:00:00Z"


class Api:
    """The endpoints that machines ask."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        body, content_type = await self._services.render_metrics(request.headers.get("accept", ""))
        return await respond(request, body, content_type)

    async def healthy(self, _: Request) -> Response:
        """GET /-/healthy."""
        return _state(*self._services.healthy())

    async def ready(self, _: Request) -> Response:
        """GET /-/ready."""
        return _state(*self._services.ready())

    async def reload(self, request: Request) -> Response:
        """POST /-/reload."""
        answer = await self._services.submit("reload")
        if not answer.ok:
            return refusal(422, answer.said)
        return await respond_json(request, {"reloaded": True, "said": answer.said})

    async def status(self, request: Request) -> Response:
        """GET /api/v1/status."""
        return await respond_json(request, self._services.status())

    async def targets(self, request: Request) -> Response:
        """GET /api/v1/targets."""
        return await respond_list(request, "targets", self._services.targets())

    async def target(self, request: Request) -> Response:
        """GET /api/v1/targets/{name}."""
        name = request.path_params["name"]
        found = self._services.target(name)
        if found is None:
            raise HTTPException(404, "no target of this name; /api/v1/targets lists them")
        return await respond_json(request, found)

    async def events(self, request: Request) -> Response:
        """GET /api/v1/events?target=&since=&limit=."""
        target, since, limit = _event_query(request.query_params)
        return await respond_list(request, "events", self._services.events(target, since, limit))


def _state(good: bool, said: str) -> Response:
    return PlainTextResponse(said + "\n", 200 if good else 503, {"cache-control": "no-store"})


def _event_query(given: QueryParams) -> tuple[str | None, float | None, int]:
    for name in given:
        if name not in _EVENT_PARAMETERS:
            raise HTTPException(400, f"parameter not known; wanted any of {', '.join(_EVENT_PARAMETERS)}")
    values = {name: given[name] for name in given if given[name]}
    if any(len(value) > _LONGEST_VALUE for value in values.values()):
        raise HTTPException(400, f"a parameter is longer than {_LONGEST_VALUE} characters")
    since = _since(values["since"]) if "since" in values else None
    return values.get("target"), since, _limit(values.get("limit", str(_USUAL_EVENTS)))


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_EVENTS:
        return int(text)
    raise HTTPException(400, f"limit: wanted a whole number from 1 to {MOST_EVENTS}")


def _since(text: str) -> float:
    """Read an id or a time. A `+` of a time zone arrives as a blank."""
    try:
        value = float(text)
    except ValueError:
        try:
            moment = datetime.datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            raise HTTPException(400, f"since: wanted {_WANTED_SINCE}") from None
        return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()
    if not math.isfinite(value) or value < 0:
        raise HTTPException(400, f"since: wanted {_WANTED_SINCE}")
    return value
