"""Who may write to a store? One process: it holds a lock on a file beside it, which the kernel gives back at its end.

Source: flock(2).
"""

from __future__ import annotations

import fcntl
import os

from brimwatch.hooks.vectors.libraries import VectorStoreError


class WriterLock:
    """Held from the making on. Raises VectorStoreError where somebody else holds it."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0, opener=_private)  # noqa: SIM115 - held until close()
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            self._file.close()
            raise VectorStoreError(
                f"{path}: another process (or another store in this one) writes to it; "
                "VectorStore(..., read_only=True) reads it meanwhile"
            ) from fault

    def close(self) -> None:
        """Give it back. In a forked child: leave it to the parent."""
        self._file.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
