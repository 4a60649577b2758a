"""How is something that is entered and left put around a function, in threads and in tasks alike?

Each entry is noted in the context (contextvars) of the thread or task, so one object may be entered by many at a time.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # Source: inspect, "Code Objects Bit Flags"
_ENTERED: ContextVar[tuple[tuple[object, Any], ...]] = ContextVar("brimwatch-entered", default=())


def push(owner: object, note: Any) -> None:
    """Here `owner` is entered; `note` is for when it is left."""
    _ENTERED.set((*_ENTERED.get(), (owner, note)))


def pop(owner: object) -> Any:
    """The note of the last entry of `owner` here; None where it was entered in another context."""
    entered = _ENTERED.get()
    for at in range(len(entered) - 1, -1, -1):
        if entered[at][0] is owner:
            _ENTERED.set(entered[:at] + entered[at + 1 :])
            return entered[at][1]
    return None


def around() -> tuple[Any, ...]:
    """The notes of all that is entered here, the outermost first."""
    return tuple(note for _, note in _ENTERED.get())


def wrapped(function: Function, made: Callable[[], AbstractContextManager[Any]], where: str) -> Function:
    """The function with `made()` around each call; of an async function, around each run of its coroutine.

    Raises ValueError for what is no function, and for a generator function: it works after it has returned.
    """
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if not callable(function) or flags & (_GENERATOR | _ASYNC_GENERATOR):
        raise ValueError(f"{where}: found {function!r:.80}, wanted a function that is no generator")

    def call(*args: Any, **kwargs: Any) -> Any:
        with made():
            return function(*args, **kwargs)

    async def run(*args: Any, **kwargs: Any) -> Any:
        with made():
            return await function(*args, **kwargs)

    found: Any = wraps(function)(run if flags & _COROUTINE else call)
    return found  # type: ignore[no-any-return]
