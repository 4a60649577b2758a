"""Which caches of the program may be emptied? Those that it names: functions under `functools.cache`, dicts, and such.

Emptying every cache that can be found would destroy singletons. A name is looked up when the hook runs, and never
imported: what is not loaded holds nothing.
"""

from __future__ import annotations

import sys

from brimwatch.hooks.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Clearing:
    """Some caches, as one hook."""

    def __init__(self, caches: tuple[Any, ...]) -> None:
        if not caches:
            raise ValueError("hooks.clear: found no cache, wanted at least one")
        for cache in caches:
            if not isinstance(cache, str) and _emptier(cache) is None:
                wanted = "an object with cache_clear() or clear(), or 'module:name'"
                raise ValueError(f"hooks.clear: found {type(cache).__name__}, wanted {wanted}")
            if isinstance(cache, str) and not all(cache.partition(":")):
                raise ValueError(f"hooks.clear: found {cache!r:.80}, wanted 'module:name'")
        self._caches = caches

    def clear(self, _request: Request) -> None:
        """The hook."""
        for cache in self._found():
            empty = _emptier(cache)
            if empty is not None:
                empty()

    def hit_ratio(self) -> float | None:
        """Hits of all `functools` caches among them, as a share of their calls; None before the first call."""
        counts = [cache.cache_info() for cache in self._found() if hasattr(cache, "cache_info")]
        calls = sum(count.hits + count.misses for count in counts)
        return sum(count.hits for count in counts) / calls if calls else None

    def info(self) -> dict[str, int]:
        """How many entries they hold."""
        return {"entries": sum(map(_entries, self._found()))}

    def _found(self) -> list[Any]:
        caches = [_look_up(cache) if isinstance(cache, str) else cache for cache in self._caches]
        return [cache for cache in caches if cache is not None]


def name_of(cache: Any) -> str:
    """What a hook for it is called: the last part of its name."""
    text = cache.partition(":")[2] if isinstance(cache, str) else str(getattr(cache, "__name__", type(cache).__name__))
    return f"cache:{text}"


def _look_up(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _emptier(cache: Any) -> Callable[[], Any] | None:
    empty = getattr(cache, "cache_clear", None) or getattr(cache, "clear", None)
    return empty if callable(empty) else None


def _entries(cache: Any) -> int:
    return int(cache.cache_info().currsize) if hasattr(cache, "cache_info") else len(cache)
