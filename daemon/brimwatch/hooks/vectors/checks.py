"""What may be stored, and what searched with? Finite vectors of the right number of dimensions that point somewhere."""

from __future__ import annotations

import math

from brimwatch.hooks.vectors.libraries import need_numpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST_KEY = 1000  # characters


def checked_vectors(vectors: Any, dimensions: int | None, number: int | None = None) -> Any:
    """As rows of float32, a copy only where it has to be. Raises ValueError, also for one bad vector among many."""
    numpy = need_numpy()
    try:
        rows = numpy.atleast_2d(numpy.asarray(vectors, numpy.float32))
    except (TypeError, ValueError) as fault:
        raise ValueError(f"VectorStore: found {type(vectors).__name__}, wanted vectors of numbers: {fault}") from fault
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"VectorStore: found an array of shape {rows.shape}, wanted vectors in rows")
    if dimensions is not None and rows.shape[1] != dimensions:
        raise ValueError(f"VectorStore: found a vector of {rows.shape[1]} dimensions, wanted {dimensions}")
    if number is not None and len(rows) != number:
        raise ValueError(f"VectorStore: found {len(rows)} vectors, wanted {number}: one for each key")
    lengths = numpy.sqrt(numpy.einsum("ij,ij->i", rows, rows, dtype=numpy.float64))
    bad = numpy.flatnonzero(~(numpy.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        what = "only zeros" if lengths[bad[0]] == 0 else "NaN or infinity"
        raise ValueError(
            f"VectorStore: found {what} in vector {bad[0]} of {len(rows)}, wanted finite numbers, not all 0"
        )
    return rows


def unit(rows: Any) -> Any:
    """The same directions, each of length 1: a product of two is their cosine."""
    numpy = need_numpy()
    return (rows / numpy.linalg.norm(rows.astype(numpy.float64), axis=1, keepdims=True)).astype(numpy.float32)


def checked_priority(priority: Any) -> float:
    """Above 0, at most 1. Raises ValueError."""
    if isinstance(priority, bool) or not isinstance(priority, (int, float)) or not 0.001 <= priority <= 1:
        raise ValueError(f"VectorStore: found the priority {priority!r:.80}, wanted a number from 0.001 to 1")
    return float(priority)


def checked_key(key: Any) -> str:
    """Raises ValueError unless it is a text of 1 to 1,000 characters."""
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY or not key.isprintable():
        raise ValueError(f"VectorStore: found the key {key!r:.80}, wanted a printable str of 1 to {_LONGEST_KEY}")
    return key


def cosine(value: float) -> float:
    """Within -1 and 1, whatever rounding did."""
    return max(-1.0, min(1.0, value)) if math.isfinite(value) else 0.0
