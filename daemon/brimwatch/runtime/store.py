"""Where do parts of the daemon put what must outlive it? What they may ask of the journal, be there one or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Store(Protocol):
    """Documents under a kind and a key. Nothing here waits or raises; without a journal nothing is kept."""

    def put(self, kind: str, key: str, body: Mapping[str, object]) -> None:
        """Keep a document in the place of an earlier one."""

    def drop(self, kind: str, key: str) -> None:
        """Forget a document."""

    async def settled(self, patience: float) -> bool:
        """Wait until what was put is committed, or nothing can be kept; False after `patience` seconds."""
