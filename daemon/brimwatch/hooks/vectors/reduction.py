"""Which of its dimensions does a set of vectors need? Those of its largest singular values; the rest is measured.

Not centred, unlike a textbook's principal components: what is compared later are products of vectors, and these are
kept best by the largest singular values of the vectors themselves.
"""

from __future__ import annotations

from brimwatch.hooks.vectors.libraries import loaded_scikit_learn, need_numpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

HELD_OUT = 8  # every eighth vector is kept from the learning, to measure by
_MUCH_LESS = 4  # from a fourth of the dimensions on scikit-learn's way is no faster than numpy's


class Learning:
    """Sees unit vectors piece by piece, and never holds more than two square matrices."""

    def __init__(self, dimensions: int) -> None:
        self._numpy = need_numpy()
        self._square = self._numpy.zeros((dimensions, dimensions), self._numpy.float64)
        self.matrix: Any = None

    def see(self, pieces: Iterable[Any]) -> None:
        """Learn from all but every eighth."""
        for piece in pieces:
            learnt = self._numpy.delete(piece, slice(0, None, HELD_OUT), axis=0).astype(self._numpy.float32)
            self._square += learnt.T @ learnt

    def solve(self, dimensions: int) -> None:
        """Make the matrix. The singular vectors of the vectors are the eigenvectors of their square."""
        found = loaded_scikit_learn()
        if found is not None and dimensions * _MUCH_LESS <= len(self._square):
            matrix = found.randomized_svd(self._square, dimensions, n_iter=7, random_state=0)[0]
        else:
            matrix = self._numpy.linalg.eigh(self._square)[1][:, : -dimensions - 1 : -1]
        self.matrix = self._numpy.ascontiguousarray(matrix, "<f4")

    def variance_kept(self, pieces: Iterable[Any]) -> float:
        """1 - what is lost of the held out vectors / their distance from their mean, squared: 1 loses nothing."""
        numpy = self._numpy
        number, lost, squares, total = 0, 0.0, 0.0, 0.0
        for piece in pieces:
            held = piece[::HELD_OUT].astype(numpy.float32)
            rest = held - (held @ self.matrix) @ self.matrix.T
            lost += float(numpy.square(rest, dtype=numpy.float64).sum())
            squares += float(numpy.square(held, dtype=numpy.float64).sum())
            total = total + held.sum(axis=0, dtype=numpy.float64)
            number += len(held)
        spread = squares - float(numpy.square(total).sum()) / max(1, number)
        return max(0.0, min(1.0, 1 - lost / spread)) if spread > 1e-12 * squares else float(lost <= 1e-6 * squares)
