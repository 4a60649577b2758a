"""What can be asked below the prefix, and what is answered? The same for WSGI and ASGI, which only carry it.

    GET  /  and /stats             sizes, tier, hooks, caches         GET  /{group}/stats
    GET  /report                   the same for a person to read
    POST /optimize                 hooks of warning and critical      POST /{group}/optimize
    POST /emergency/reduce         every hook                         POST /{group}/emergency-clear
    GET  /emergency/status         how near the emergency is

Hooks run on a thread made for the round, as when a daemon asks; who waits decides how: see `reply.settled`.
"""

from __future__ import annotations

import os
import re
import time

from brimwatch.hooks.answers import FIGURES_SECONDS, Answer, Pending
from brimwatch.hooks.asked import ReclaimAsked
from brimwatch.hooks.http import Refused, parse_body
from brimwatch.hooks.mounted.described import emergency, group_stats, stats_of
from brimwatch.hooks.mounted.reply import Reply, refusal, refused
from brimwatch.hooks.mounted.report import report
from brimwatch.hooks.request import Request
from brimwatch.hooks.round import busy
from brimwatch.hooks.wire import BY_HAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Union

    from brimwatch.hooks.installation import Installation
    from brimwatch.hooks.mounted.access import Access, Asked

    Look = Callable[[], Reply]
    Act = tuple[tuple[str, ...], Union[str, None]]  # tiers that may be asked for, the default last; the group

LOOKING = ("GET", "HEAD")
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_ACTS = {"/optimize": ("warning", "critical"), "/emergency/reduce": ("emergency",)}
_GROUP_ACTS = {"optimize": ("warning", "critical"), "emergency-clear": ("emergency",)}


class Route:
    """What a path means: `methods` that it takes, and either a `look` or an `act`."""

    __slots__ = ("act", "look", "methods")

    def __init__(self, look: Look | None = None, act: Act | None = None) -> None:
        self.look, self.act = look, act
        self.methods = ("POST",) if look is None else LOOKING


class Endpoints:
    """Those of one mount."""

    def __init__(self, installation: Installation, prefix: str, access: Access) -> None:
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise ValueError(f"hooks: found the prefix {prefix!r:.80}, wanted a path such as '/memory'")
        self._installation, self._state = installation, installation.state
        self._prefix, self._access = prefix, access

    def below(self, path: str) -> str | None:
        """What of a path lies below the prefix, `/` for the prefix itself; None where it is the application's."""
        rest = path[len(self._prefix) :]
        if not path.startswith(self._prefix) or (rest and not rest.startswith("/")):
            return None
        return rest or "/"

    def route(self, method: str, path: str, asked: Asked) -> Route | Reply:
        """Where a request leads, once it may: decided before anything of its body is read."""
        why = self._access.refuse(method not in LOOKING, asked)
        if why is not None:
            fields = {"WWW_Authenticate": "Bearer"} if why.status == 401 else {}
            return Reply(why.status, {"error": "denied", "detail": why.detail}, **fields)
        found = self._find(path)
        if found is None:
            return refused(404, "there is no such path, or no group of that name")
        if method not in found.methods:
            return refused(405, f"wanted {' or '.join(found.methods)}", Allow=", ".join(found.methods))
        return found

    def answer(self, route: Route, query: str, kind: str, body: bytes) -> Answer | Pending:
        """Carry it out. `kind`: the Content-Type of the body."""
        try:
            return self._act(route.act, query, kind, body) if route.act is not None else self._look(route)
        except Refused as found:
            return refusal(found)

    def _find(self, path: str) -> Route | None:
        looks: dict[str, Look] = {
            "/": self._stats,
            "/stats": self._stats,
            "/report": self._report,
            "/emergency/status": lambda: Reply(200, emergency(self._state)),
        }
        if path in looks:
            return Route(looks[path])
        if path in _ACTS:
            return Route(act=(_ACTS[path], None))
        group, _, what = path[1:].partition("/")
        if group not in {hook.group for hook in self._state.registry.hooks.values()}:
            return None
        if what == "stats":
            return Route(lambda: Reply(200, group_stats(self._state, group)))
        return Route(act=(_GROUP_ACTS[what], group)) if what in _GROUP_ACTS else None

    def _stats(self) -> Reply:
        return Reply(200, stats_of(self._state, self._installation.standing))

    def _report(self) -> Reply:
        return Reply(200, {}, report(stats_of(self._state, self._installation.standing)))

    def _look(self, route: Route) -> Answer | Pending:
        """The program's own figures are asked for beside, as they may hang; those of last time are good enough."""
        state, look, now = self._state, route.look, time.monotonic()
        if look is None:  # an act is none
            raise Refused(404, "there is nothing to look at")
        if not state.figures.wanted(state.registry, now) or state.aside.busy:
            return look()
        state.ask_figures()
        return Pending(lambda: not state.aside.busy, look, now, now + FIGURES_SECONDS)

    def _act(self, act: Act, query: str, kind: str, body: bytes) -> Answer | Pending:
        tiers, group = act
        if body.strip() and kind.partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "wanted a body of the Content-Type application/json")
        said = {"tier": tiers[-1], **parse_body(body)}
        if said["tier"] not in tiers:
            raise Refused(400, f"wanted tier: {' or '.join(tiers)}")
        if "names" in said or "group" in said:
            raise Refused(400, "names and group are not understood here: the path says which hooks are meant")
        everywhere = _everywhere(query)
        asked = ReclaimAsked(said)
        own = self._round(asked, group)
        if not everywhere:
            return own
        from brimwatch.hooks.mounted.siblings import Crew

        return Crew(own, _forwarded(asked, group), self._state.run_dir, asked.seconds).pending()

    def _round(self, asked: ReclaimAsked, group: str | None) -> Answer | Pending:
        state, now = self._state, time.monotonic()
        request = Request(asked.tier, asked.seconds, asked.needed_bytes, asked.severity_ratio, BY_HAND)
        begun = state.round(request, None, group)
        if begun is None:
            return Reply(409, {"pid": os.getpid(), **busy(state.turn.holder())})
        state.begin(begun)
        return Pending(
            lambda: begun.done,
            lambda: Reply(200, {"pid": os.getpid(), **begun.account()}),
            now,
            now + asked.seconds,
        )


def _everywhere(query: str) -> bool:
    """Whether all workers are meant."""
    said = [option.partition("=") for option in query.split("&") if option]
    for name, _, value in said:
        if name != "workers" or value not in ("all", "this"):
            raise Refused(400, "wanted no query, workers=this or workers=all")
    return any(value == "all" for _, _, value in said)


def _forwarded(asked: ReclaimAsked, group: str | None) -> dict[str, Any]:
    """The same as a request to another worker's agent."""
    said = {
        "tier": asked.tier,
        "needed_bytes": asked.needed_bytes,
        "severity_ratio": asked.severity_ratio,
        "deadline_seconds": asked.seconds,
        "reason": BY_HAND,
        "group": group,
        "lease": False,
    }
    return {key: value for key, value in said.items() if value is not None}
