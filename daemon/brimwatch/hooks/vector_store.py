"""How does a program search many vectors with few in memory? `hooks.VectorStore`: a mapped file, or words.

See docs/blocks/vector-store.md. Needs numpy; scikit-learn is used where the program has loaded it.
"""

from __future__ import annotations

import _thread

from brimwatch.hooks.arguments import check_count
from brimwatch.hooks.block import enrol, hold, leave, still_needed
from brimwatch.hooks.settings import SETTINGS
from brimwatch.hooks.vectors.answer import HOT, KEYWORDS, VECTORS, Answer, Hit
from brimwatch.hooks.vectors.checks import checked_key, checked_priority, checked_vectors, unit
from brimwatch.hooks.vectors.collection import AT_ONCE, Collection
from brimwatch.hooks.vectors.hot import HotSet
from brimwatch.hooks.vectors.libraries import VectorStoreError, need_numpy
from brimwatch.hooks.vectors.search import Searcher, weighed
from brimwatch.hooks.wire import TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from brimwatch.hooks.request import Request
    from brimwatch.hooks.vectors.texts import Texts

_MOST_BUFFER = 1_000_000  # bytes
_KEPT = {"warning": 0.5, "critical": 0.25, "emergency": 0.1}  # of what the hot set may hold
_PRESSED = ("critical", "emergency")
_SPARE = 16  # rows more than asked for: some may be deleted meanwhile
DTYPES = {"float16": 2, "float32": 4}


class VectorStore:
    """Vectors with keys, texts and priorities, in the file `path` and beside it.

    `dtype`: `float16` or `float32`. `dimensions`: down to how many they may be reduced, once there are four vectors for
    each; without it `target_dimensions` of `hooks.configure`. They are left as they are where that would keep less than
    `least_variance`. `hot`: vectors kept in memory; `max_in_memory`: bytes of these and of the buffer of a search.
    `weigh`: whether priorities weigh scores. `read_only`: read what another process writes. `salvage`: go on with what
    is left of files that are cut off. Raises VectorStoreError (an OSError) for files that cannot be used, ImportError
    without numpy, ValueError for what cannot be.
    """

    def __init__(
        self,
        path: str,
        dtype: str = "float16",
        dimensions: int | None = None,
        hot: int = 50,
        max_in_memory: int = 2_000_000,
        *,
        weigh: bool = True,
        least_variance: float = 0.95,
        read_only: bool = False,
        salvage: bool = False,
        name: str = "vectors",
        group: str | None = None,
    ) -> None:
        chosen = str(need_numpy().dtype(dtype)) if not isinstance(dtype, str) else dtype
        if chosen not in DTYPES:
            raise ValueError(f"VectorStore: found the dtype {dtype!r:.80}, wanted {' or '.join(DTYPES)}")
        need_numpy()
        target = int(SETTINGS.values["target_dimensions"]) if dimensions is None else dimensions
        self._target = check_count("VectorStore: dimensions", target, 1)
        check_count("VectorStore: hot", hot)
        check_count("VectorStore: max_in_memory", max_in_memory)
        buffer = min(_MOST_BUFFER, max_in_memory // 2)
        self._hot, self._searcher = HotSet(hot, max_in_memory - buffer), Searcher(buffer)
        self._weigh, self._least_variance = weigh, least_variance
        self._tier = TIERS[0]
        self._keyword_searches = 0
        self.lock = _thread.RLock()  # of the files' bookkeeping and the hot set
        self._scan = _thread.allocate_lock()  # of the buffer; taken before the other one
        self._collection = Collection(path, DTYPES[chosen], not read_only, salvage)
        self.name = name
        enrol(self, name, group=group)

    def add(self, key: str, vector: Any, text: str = "", priority: float = 0.5) -> None:
        """Store one, in the place of one of the same key. Raises ValueError for a bad vector, VectorStoreError."""
        self.add_many([key], [vector], [text], priority)

    def add_many(
        self,
        keys: Sequence[str],
        vectors: Any,
        texts: Sequence[str] | None = None,
        priorities: float | Sequence[float] = 0.5,
    ) -> None:
        """Store some, faster than one by one. One that is bad keeps all of them out (ValueError).

        A full disk raises VectorStoreError: of each 256 either all are stored then, or none.
        """
        found = [checked_key(key) for key in keys]
        if not found:
            return
        rows = checked_vectors(vectors, self._collection.input, len(found))
        given = list(texts) if texts is not None else [""] * len(found)
        weights = list(priorities) if hasattr(priorities, "__iter__") else [priorities] * len(found)
        if not len(given) == len(weights) == len(found) or not all(isinstance(text, str) for text in given):
            raise ValueError("VectorStore: wanted one text (a str) and one priority for each key")
        weights = [checked_priority(weight) for weight in weights]
        for first in range(0, len(found), AT_ONCE):
            piece = slice(first, first + AT_ONCE)
            with self.lock:
                checked_vectors(rows[first : first + 1], self._collection.input)  # two first adds at once
                self._collection.add(found[piece], rows[piece], given[piece], weights[piece])
                for key in found[piece]:
                    self._hot.discard(key)
                wanting = self._collection.wants_reducing(self._target)
            if wanting:
                self._reduce_once()

    def delete(self, key: str) -> bool:
        """Forget one; False where there is none."""
        with self.lock:
            self._hot.discard(key)
            return self._collection.delete(key)

    def search(self, vector: Any = None, text: str | None = None, k: int = 10) -> Answer:
        """The `k` best. By vectors; under pressure (critical, emergency) or without a vector by the words of `text`.

        Under pressure without a text only the hot vectors are looked at. `Answer.how` says which it was.
        Raises ValueError for a bad vector, VectorStoreError.
        """
        check_count("VectorStore: k", k, 1)
        if vector is None and text is None:
            raise ValueError("VectorStore: found neither a vector nor a text, wanted one to search by")
        query = None if vector is None else unit(checked_vectors(vector, self._collection.input, 1))
        now = self._tier
        pressed = now in _PRESSED
        if query is None or (pressed and text):
            return self._by_words(text or "", k, "no vector" if query is None else f"tier {now}")
        if pressed:
            return Answer(self._by_hot(query, k), HOT, f"tier {now}")
        try:
            return Answer(self._by_vectors(query, k), VECTORS)
        except VectorStoreError as fault:
            if not text:
                raise
            return self._by_words(text, k, str(fault))

    def get(self, key: str) -> Any:
        """The vector as it is stored: of length 1 before it was reduced. None where there is none."""
        with self.lock:
            row = self._hot.get(key)
            if row is None:
                place = self._texts().row_of(key)
                row = None if place is None or self._collection.file is None else self._collection.file.row(place)
            return None if row is None else row[:-1]

    def reduce(self) -> float:
        """Reduce now to `dimensions`, if that keeps `least_variance`; returns the share that it keeps, measured.

        Happens by itself once. Takes seconds for 1,536 dimensions. Raises ValueError where it is done already.
        """
        with self._scan, self.lock:
            return self._reduced()

    def flush(self) -> None:
        """Have it on the disk. What was added survives the end of the process anyway, but not a power cut."""
        with self.lock:
            self._collection.sync()

    def close(self) -> None:
        """The end: another process may write."""
        leave(self)
        with self._scan, self.lock:
            self._collection.close()
            self._hot.clear()
            self._searcher.forget()

    def __len__(self) -> int:
        with self.lock:
            return self._texts().count()

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What every block has, see block.py.

    def size_bytes(self) -> int:
        """Bytes of the hot vectors and the buffer."""
        return self._hot.bytes + self._searcher.bytes

    def hit_ratio(self) -> float | None:
        """Share of the vectors found that were hot."""
        calls = self._hot.hits + self._hot.misses
        return self._hot.hits / calls if calls else None

    def info(self) -> dict[str, float]:
        """How many vectors of how many dimensions, what the reduction keeps, and how often words had to do."""
        with self.lock:
            found: dict[str, float] = {
                "vectors": len(self),
                "hot": len(self._hot),
                "keyword_searches": self._keyword_searches,
            }
            if self._collection.file is not None:
                header = self._collection.file.header
                found.update(dimensions=header.dimensions, input_dimensions=header.input)
                return {**found, "variance_retained": header.variance, "file_bytes": header.file_bytes}
            return found

    def shrink(self, request: Request) -> int:
        """Give the buffer and pages back, then hot vectors: to half, a quarter or a tenth of what they may be."""
        needed = None if request.tier == "emergency" else still_needed(request)
        freed = 0
        if self._scan.acquire(timeout=min(1.0, request.seconds_left())):
            try:
                freed = self._searcher.forget()
            finally:
                self._scan.release()
        lock = hold(self, request)
        try:
            if self._collection.file is not None:
                self._collection.file.forget()
                self._texts().shrink()
            if needed is None or freed < needed:
                freed += self._hot.shrink(int(self._hot.most_bytes * _KEPT[request.tier]))
        finally:
            lock.release()
        return freed

    def tier_changed(self, tier: str) -> None:
        """At critical and in an emergency words are searched instead of vectors."""
        self._tier = tier

    def after_fork(self, intact: bool) -> None:
        """The child reads what its parent writes."""
        self._scan = _thread.allocate_lock()
        if not intact:
            self._hot.clear()
        self._collection.become_reader()

    def _reduce_once(self) -> None:
        """Two threads may have found that it is time to."""
        with self._scan, self.lock:
            if self._collection.wants_reducing(self._target):
                self._reduced()

    def _reduced(self) -> float:
        kept = self._collection.reduce(self._target, self._least_variance)
        self._hot.clear()
        self._searcher.forget()
        return kept

    def _texts(self) -> Texts:
        if self._collection.texts is None:
            raise VectorStoreError(f"{self._collection.path}: the store is closed")
        return self._collection.texts

    def _by_vectors(self, query: Any, k: int) -> list[Hit]:
        with self._scan:
            with self.lock:
                self._texts()
                self._collection.refresh()
                file = self._collection.file
                if file is None:
                    return []
                spare = _SPARE if self._collection.writable else AT_ONCE
            found = self._searcher.nearest(file, file.project(query)[0], k + spare, self._weigh)
            with self.lock:
                known = self._texts().of_rows([row for row, _ in found])
                hits = [(row, Hit(known[row][0], score, *known[row][1:])) for row, score in found if row in known][:k]
                for row, hit in hits:
                    if self._hot.get(hit.key) is None:
                        self._hot.put(hit.key, file.row(row), hit.priority)
        return [hit for _, hit in hits]

    def _by_hot(self, query: Any, k: int) -> list[Hit]:
        numpy = need_numpy()
        with self.lock:
            items = self._hot.items()
            if not items or self._collection.file is None:
                return []
            rows = numpy.stack([row for _, row in items]).astype(numpy.float32)
            scores = weighed(rows[:, :-1] @ self._collection.file.project(query)[0], rows[:, -1], self._weigh)
            best = [(items[n][0], float(scores[n])) for n in numpy.argsort(-scores, kind="stable")[:k]]
            places = {self._texts().row_of(key): (key, score) for key, score in best}
            known = self._texts().of_rows([place for place in places if place is not None])
        return [Hit(key, score, *known[place][1:]) for place, (key, score) in places.items() if place in known]

    def _by_words(self, text: str, k: int, why: str) -> Answer:
        with self.lock:
            self._keyword_searches += 1
            found = self._texts().by_words(text, k, self._weigh)
        return Answer([Hit(key, score, priority, words) for key, priority, score, words in found], KEYWORDS, why)
