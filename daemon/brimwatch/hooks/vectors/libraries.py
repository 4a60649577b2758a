"""Which libraries do vectors need? numpy; scikit-learn only where the program has loaded it anyway."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class VectorStoreError(OSError):
    """The files of a store cannot be used, or not now: foreign, damaged, full, or in use elsewhere."""


def need_numpy() -> Any:
    """The module. Raises ImportError that says for what, and how to get it."""
    try:
        import numpy
    except ImportError as fault:
        raise ImportError("hooks.VectorStore needs numpy, which is not installed here: pip install numpy") from fault
    return numpy


def loaded_scikit_learn() -> Any:
    """`sklearn.utils.extmath`, or None: importing it for our sake would take more memory than it saves."""
    return sys.modules.get("sklearn.utils.extmath")
