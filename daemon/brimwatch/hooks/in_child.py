"""What does a building block make anew in a forked child? Its locks, and what lived on threads that are not there.

Source: pthread_atfork(3), os.register_at_fork. Blocks are held weakly: one that is dropped is forgotten.
"""

from __future__ import annotations

import os
import weakref

from brimwatch.hooks.api import REGISTRY
from brimwatch.hooks.collect import HERITAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_blocks: dict[int, weakref.ref[Any]] = {}  # no lock: a fork could come while it is held
_standing = {"registered": False, "faults": 0}


def renew_in_child(block: Any) -> None:
    """Call `block.after_fork()` in every child that is forked from now on, whether there is an agent or not."""
    key = id(block)
    _blocks[key] = weakref.ref(block, lambda _gone: _blocks.pop(key, None))
    if not _standing["registered"]:
        _standing["registered"] = True
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    REGISTRY.renew_lock()
    HERITAGE.after_fork()
    for reference in list(_blocks.values()):
        block = reference()
        try:
            if block is not None:
                block.after_fork()
        except Exception:  # noqa: BLE001 - Python would print it: the child lives without that block
            _standing["faults"] += 1
