"""What became of one call of a hook? Whatever it does ends as an outcome, never as an exception in the program."""

from __future__ import annotations

import operator
import sys

from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.wire import DEADLINE, ERROR, FAILED, MOST_BYTES, RAN, bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Result:
    """How a call ended: the outcome, a reason for all but `ran`, the bytes it claims, and a short text."""

    __slots__ = ("claimed", "detail", "interrupt", "outcome", "reason")

    def __init__(self, outcome: str, reason: str | None = None, detail: str = "", claimed: int | None = None) -> None:
        self.outcome, self.reason, self.claimed = outcome, reason, claimed
        self.detail = bounded(detail) if detail else ""
        self.interrupt: KeyboardInterrupt | None = None


def attempt(function: Callable[[Request], Any], request: Request) -> Result:
    """Call a hook here and now.

    Everything it raises becomes an outcome, `sys.exit` included. Only KeyboardInterrupt on the main thread goes on,
    as `Result.interrupt`: there it is most likely a Ctrl-C that was meant for the program.
    """
    try:
        value = function(request)
    except Skip as skip:
        return Result(skip.outcome, skip.reason, str(skip))
    except BaseException as fault:  # noqa: BLE001 - a hook is a stranger: SystemExit would end the program
        result = Result(FAILED, ERROR, describe(fault))
        if isinstance(fault, KeyboardInterrupt) and on_main_thread():
            result.interrupt = fault
        return result
    if hasattr(value, "__await__"):
        close = getattr(value, "close", None)
        if close is not None:
            close()  # a coroutine that is never awaited warns about itself
        return Result(FAILED, ERROR, "returned something to await: an async hook needs run_on=<its event loop>")
    return judged(value, request)


def judged(value: object, request: Request) -> Result:
    """What a hook returned, as a result: None or the bytes that it knows it freed, an int of at least 0."""
    if request.seconds_left() <= 0:
        return Result(FAILED, DEADLINE, "it ended after the deadline", _claim(value))
    claimed = _claim(value)
    if claimed is None and value is not None:
        return Result(RAN, None, f"returned {_shown(value)}, wanted None or bytes as an int of at least 0")
    return Result(RAN, None, "", claimed)


def describe(fault: BaseException) -> str:
    """An exception as one line; its own text may raise as well."""
    try:
        return bounded(f"{type(fault).__name__}: {fault}")
    except Exception:  # noqa: BLE001 - __str__ of a stranger
        return bounded(type(fault).__name__)


def on_main_thread() -> bool:
    """Whether this is the thread that runs signal handlers. A program without `threading` has only one."""
    threading = sys.modules.get("threading")
    return threading is None or threading.current_thread() is threading.main_thread()


def _claim(value: object) -> int | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        count = operator.index(value)  # type: ignore[arg-type] # numpy's integers have it too
    except Exception:  # noqa: BLE001 - __index__ of a stranger
        return None
    return int(count) if 0 <= count <= MOST_BYTES else None


def _shown(value: object) -> str:
    try:
        return bounded(repr(value), 60)
    except Exception:  # noqa: BLE001 - __repr__ of a stranger
        return type(value).__name__
