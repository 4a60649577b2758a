"""Which paths are there, and what does each demand?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from brimwatch.web.api import Api
from brimwatch.web.auth import Access, Need, asked
from brimwatch.web.by_hand import ByHand
from brimwatch.web.page.view import Page
from brimwatch.web.respond import CarefulHeaders, refusal
from brimwatch.web.services import Services
from brimwatch.web.streaming import Streaming

_NO_PAGE = (
    "there is nothing at this address; there are /, /metrics, /-/healthy, /-/ready, /-/reload, and below /api/v1/:"
    " status, targets, targets/NAME, events, stream, samples"
)
Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(services: Services) -> Starlette:
    """The web application: scrape, health, API and page. Everything it shows is handed in."""
    api, by_hand, page, access = Api(services), ByHand(services.submit), Page(services), services.access
    routes = [
        _route(access, Need.SCRAPE, "/metrics", api.metrics),
        _route(access, Need.NOTHING, "/-/healthy", api.healthy),
        _route(access, Need.NOTHING, "/-/ready", api.ready),
        _route(access, Need.CHANGE, "/-/reload", api.reload, "POST"),
        _route(access, Need.VIEW, "/", page.show),
        _route(access, Need.VIEW, "/api/v1/status", api.status),
        _route(access, Need.VIEW, "/api/v1/targets", api.targets),
        _route(access, Need.CHANGE, "/api/v1/targets/{name:path}/reclaim", by_hand.reclaim, "POST"),
        _route(access, Need.CHANGE, "/api/v1/targets/{name:path}/drill", by_hand.drill, "POST"),
        _route(access, Need.VIEW, "/api/v1/targets/{name:path}/history", api.history),
        _route(access, Need.VIEW, "/api/v1/targets/{name:path}", api.target),
        _route(access, Need.VIEW, "/api/v1/events", api.events),
        _route(access, Need.VIEW, "/api/v1/stream", Streaming(services.stream).open),
        _route(access, Need.VIEW, "/api/v1/samples", api.samples),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(CarefulHeaders, rules=access.rules)],
        exception_handlers={HTTPException: _tell, Exception: _fail},
    )
    app.router.redirect_slashes = False
    return app


def _route(access: Access, need: Need, path: str, endpoint: Endpoint, method: str = "GET") -> Route:
    async def guarded(request: Request) -> Response:
        peer = request.client.host if request.client else None
        refused = await access.admit(need, asked(peer, request.scope["headers"]))
        return await endpoint(request) if refused is None else refusal(*refused)

    return Route(path, guarded, methods=[method])


async def _tell(_: Request, error: Exception) -> Response:
    """An error that the client made, as JSON."""
    if not isinstance(error, HTTPException):
        raise error
    unknown = error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase  # no route, as Starlette says it
    response = refusal(error.status_code, _NO_PAGE if unknown else error.detail)
    response.headers.update(error.headers or {})
    return response


async def _fail(_: Request, __: Exception) -> Response:
    """An error of ours: the log has it, the client learns nothing of it."""
    return refusal(500, "an error inside Brimwatch; the log says which")
