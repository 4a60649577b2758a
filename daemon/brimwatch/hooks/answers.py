"""Which answer belongs to a request? At once, or once the hooks have run; never later than the deadline."""

from __future__ import annotations

from brimwatch.hooks.asked import ReclaimAsked, TierAsked
from brimwatch.hooks.http import Head, Refused, parse_body
from brimwatch.hooks.request import Request
from brimwatch.hooks.round import Round, busy
from brimwatch.hooks.stats import stats
from brimwatch.hooks.wire import BUSY, LEASE_SECONDS, NO_HANDLER, RECLAIM, STATS, SUPPRESSED, TIER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from brimwatch.hooks.state import State

FIGURES_SECONDS = 0.25  # how long an answer waits for the program's own figures


class Answer:
    """A status and a body."""

    __slots__ = ("body", "status")

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.body = status, body


class Pending:
    """An answer that is made when `ready` says so, and at `until` (monotonic seconds) in any case."""

    __slots__ = ("make", "ready", "since", "until")

    def __init__(self, ready: Callable[[], bool], make: Callable[[], Answer], since: float, until: float) -> None:
        self.ready, self.make, self.since, self.until = ready, make, since, until


def refusal(refused: Refused) -> Answer:
    """The answer to a request that cannot be understood."""
    return Answer(refused.status, {"error": "refused", "detail": refused.detail})


def denied() -> Answer:
    """The answer to another user."""
    return Answer(
        403,
        {
            "error": "denied",
            "detail": "only root, the user of this process and a group that root has named are answered",
        },
    )


def answer(state: State, head: Head, body: bytes, peer: int, now: float) -> Answer | Pending:
    """`peer` is the PID of who asks, 0 for one outside our PID namespace. Raises Refused."""
    if head.path == STATS:
        _allow(head, "GET")
        return _stats(state, "objects=1" in head.query.split("&"), now)
    if head.path == RECLAIM:
        _allow(head, "POST")
        return _reclaim(state, ReclaimAsked(parse_body(body)), peer, now)
    if head.path == TIER:
        _allow(head, "PUT")
        return _tier(state, TierAsked(parse_body(body)), peer, now)
    raise Refused(404, f"wanted {STATS}, {RECLAIM} or {TIER}")


def _allow(head: Head, method: str) -> None:
    if head.method != method:
        raise Refused(405, f"wanted {method}")


def _stats(state: State, count_objects: bool, now: float) -> Answer | Pending:
    if not state.figures.wanted(state.registry, now) or state.aside.busy:
        return Answer(200, stats(state, count_objects))
    state.ask_figures()
    aside = state.aside
    return Pending(lambda: not aside.busy, lambda: Answer(200, stats(state, count_objects)), now, now + FIGURES_SECONDS)


def _tier(state: State, asked: TierAsked, peer: int, now: float) -> Answer:
    if state.lease.take((peer, asked.daemon), asked.expires, now) is not None:
        return _leased(state)
    if state.judgement.tell(asked.tier, now + asked.expires, asked.thresholds):
        state.untold = asked.tier
        state.tell_subscribers()
    return Answer(200, {"tier": state.judgement.tier, "expires_seconds": asked.expires})


def _reclaim(state: State, asked: ReclaimAsked, peer: int, now: float) -> Answer | Pending:
    held = max(LEASE_SECONDS, asked.seconds)
    if asked.lease and state.lease.take((peer, asked.daemon), held, now) is not None:
        return _leased(state)
    request = Request(
        asked.tier, asked.seconds, asked.needed_bytes, asked.severity_ratio, asked.reason, asked.names is not None
    )
    begun = state.round(request, asked.names, asked.group)
    if begun is None:
        return Answer(409, busy(state.turn.holder()))
    state.begin(begun)
    return Pending(lambda: begun.done, lambda: Answer(200, _account(begun, asked.names)), now, now + asked.seconds)


def _account(finished: Round, names: tuple[str, ...] | None) -> dict[str, Any]:
    account = finished.account()
    known = {outcome["name"] for outcome in account["hooks"]}
    account["hooks"] += [_unknown(name) for name in dict.fromkeys(names or ()) if name not in known]
    return account


def _unknown(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "outcome": SUPPRESSED,
        "reason": NO_HANDLER,
        "claimed_bytes": None,
        "measured_bytes": None,
        "seconds": 0.0,
        "detail": "there is no hook of that name",
    }


def _leased(state: State) -> Answer:
    holder = state.lease.holder or (0, "")
    named = f"PID {holder[0]}" + (f" ({holder[1]})" if holder[1] else "")
    return Answer(409, {"error": BUSY, "detail": f"another daemon looks after this process: {named}"})
