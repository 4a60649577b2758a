"""What do POST /api/v1/targets/{name}/reclaim and .../drill take and answer?"""

from __future__ import annotations

import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from brimwatch.web.respond import refusal, respond_json
from brimwatch.web.services import Submit

TIERS = ("warning", "critical", "emergency")
_USUAL = "critical"
_PARAMETERS = ("tier", "member")
_LONGEST_BODY = 4096  # bytes


class ByHand:
    """The endpoints that run rungs because a person asks."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit

    async def reclaim(self, request: Request) -> Response:
        """POST /api/v1/targets/{name}/reclaim."""
        return await self._run("reclaim", request)

    async def drill(self, request: Request) -> Response:
        """POST /api/v1/targets/{name}/drill."""
        return await self._run("drill", request)

    async def _run(self, command: str, request: Request) -> Response:
        given = {**dict(request.query_params), **await _body(request)}
        for name in given:
            if name not in _PARAMETERS:
                raise HTTPException(400, f"parameter not known; wanted any of {', '.join(_PARAMETERS)}")
        tier = given.get("tier", _USUAL)
        if tier not in TIERS:
            raise HTTPException(400, f"tier: wanted one of {', '.join(TIERS)}")
        member = given.get("member", "")
        if member and not (member.isascii() and member.isdigit() and len(member) <= 9):
            raise HTTPException(400, "member: wanted its number, as the metrics have it")
        answer = await self._submit(command, target=request.path_params["name"], tier=tier, member=member)
        if not answer.ok:
            return refusal(answer.status, answer.said)
        return await respond_json(request, answer.value)


async def _body(request: Request) -> dict[str, str]:
    """What a JSON body says, if there is one; numbers are taken as their text."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LONGEST_BODY:
            raise HTTPException(413, f"a body of more than {_LONGEST_BODY} bytes")
    if not content.strip():
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str | int) for one in found.values()):
        raise HTTPException(400, 'body: wanted nothing, or JSON such as {"tier": "critical", "member": 3}')
    return {name: str(value) for name, value in found.items()}
