"""What does a search hand out? What was found, the best first, and how it was looked for."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

Hit = namedtuple("Hit", ("key", "score", "priority", "text"))
VECTORS, KEYWORDS, HOT = "vectors", "keywords", "hot"


class Answer:
    """`hits`, and `how`: by `vectors` (all of them), by `keywords`, or among the `hot` vectors alone.

    `why`: why not by vectors, None where it was. A score is a cosine, weighed by the priority; by keywords it is
    BM25's, which has no upper bound: the two are not to be compared.
    """

    __slots__ = ("hits", "how", "why")

    def __init__(self, hits: list[Hit], how: str, why: str | None = None) -> None:
        self.hits, self.how, self.why = hits, how, why

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, index: int) -> Hit:
        return self.hits[index]
