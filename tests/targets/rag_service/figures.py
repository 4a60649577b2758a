"""What does a build say of itself, beside what the kernel says? Objects, collections, and how often caches served."""

import gc


class Served:
    """Look-ups of a cache, and those that it served."""

    def __init__(self) -> None:
        self.looked = self.hits = 0

    def note(self, hit: bool) -> None:
        self.looked += 1
        self.hits += hit

    def ratio(self) -> float | None:
        return self.hits / self.looked if self.looked else None


def figures(hit_ratios: "dict[str, float | None]") -> dict[str, object]:
    """Objects that the garbage collector tracks, those that are frozen included; its collections; hit ratios."""
    return {
        "objects": len(gc.get_objects()) + gc.get_freeze_count(),
        "collections": sum(generation["collections"] for generation in gc.get_stats()),
        "hit_ratios": hit_ratios,
    }
