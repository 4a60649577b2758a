"""What is shown of the inside of targets: allocators, and objects by who counted them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from brimwatch.quantity import ALLOCATORS, Quantity
from brimwatch.record.series import Picture, Point

Points = Callable[[Picture], Iterator[Point]]


def holes(picture: Picture) -> Iterator[Point]:
    """By allocator, what is held but unused / held."""
    for row in picture.rows:
        sample = row.subject.sample
        if sample is None:
            continue
        for name, (held, used) in ALLOCATORS.items():
            whole, part = sample.value(held), sample.value(used)
            if whole and part is not None:
                yield row.labels.but(("allocator", name)), max(0.0, 1 - part / whole)


def allocated(quantities: dict[str, Quantity]) -> Points:
    """One quantity for each allocator."""

    def points(picture: Picture) -> Iterator[Point]:
        for row in picture.rows:
            for name, quantity in quantities.items():
                value = None if row.subject.sample is None else row.subject.sample.value(quantity)
                if value is not None:
                    yield row.labels.but(("allocator", name)), value

    return points


def objects(picture: Picture) -> Iterator[Point]:
    """Objects, with who counted them."""
    for row in picture.rows:
        value = None if row.subject.sample is None else row.subject.sample.value(Quantity.PYTHON_OBJECTS)
        if value is not None:
            yield row.labels.but(("source", row.subject.objects_source or "walk")), value


HELD = allocated({name: held for name, (held, _) in ALLOCATORS.items()})
USED = allocated({name: used for name, (_, used) in ALLOCATORS.items()})
TRIMMABLE = allocated({"glibc": Quantity.TRIMMABLE})
