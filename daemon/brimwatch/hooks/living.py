"""Which objects does the program still have? Held weakly, told apart by identity, and to be listed at any time.

`weakref.WeakSet` asks the objects for their hashes, and raises when another thread adds one while it is listed.
"""

from __future__ import annotations

from weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Living:
    """Objects, each once, in the order in which they came. No lock: a fork or a signal may come at any time."""

    def __init__(self) -> None:
        self._refs: dict[int, ref[Any]] = {}

    def add(self, one: Any) -> None:
        """Know it from now on."""
        key, refs = id(one), self._refs
        if one in self:
            return

        def forget(found: ref[Any]) -> None:
            if refs.get(key) is found:
                refs.pop(key, None)

        refs[key] = ref(one, forget)

    def discard(self, one: Any) -> None:
        """Know it no more."""
        if one in self:
            self._refs.pop(id(one), None)

    def __contains__(self, one: object) -> bool:
        found = self._refs.get(id(one))
        return found is not None and found() is one

    def __iter__(self) -> Iterator[Any]:
        """Those of now; whoever comes or goes meanwhile does not matter."""
        return iter([one for one in (found() for found in list(self._refs.values())) if one is not None])
