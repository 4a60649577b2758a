"""How does the build with the blocks find passages? By vectors while there is memory for the model, else by words."""

from collections.abc import Callable
from typing import Any

from tests.targets.rag_service.index import STORE
from tests.targets.rag_service.settings import Settings

from brimwatch import hooks

SHOWN = 5  # passages under an answer


class Library:
    """The passages, the model that is loaded when it is needed, and what it made lately."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self.embeddings = hooks.PriorityCache(max_entries=50, ttl=900, name="embeddings", group="medical", clock=clock)
        self.store = hooks.VectorStore(str(settings.folder / STORE), hot=50, read_only=True, group="medical")
        self.model = hooks.LazyModule("embedder", self._load, name="embedder")
        self.breaker = hooks.CircuitBreaker("embedding", tier="critical")

    def find(self, text: str, count: int, priority: str) -> tuple[list[dict[str, Any]], str]:
        """The best passages, and how they were found: by `vectors` or `keywords`."""
        found = self.store.search(self._vector(text, priority), text, count)
        return [shown(hit) for hit in found], found.how

    def _vector(self, text: str, priority: str) -> Any:
        """None while memory is short: the model stays where it is, on the disk."""
        vector = self.embeddings.get(text)
        if vector is None:
            try:
                with self.breaker, self.model as model:
                    vector = model.embed(text)
            except hooks.CircuitOpen:
                return None
            self.embeddings.set(text, vector, priority)
        return vector

    def _load(self) -> Any:
        from tests.targets.rag_service.embedder import EMBEDDERS

        return EMBEDDERS[self._settings.embedder](self._settings.folder)


def shown(hit: Any) -> dict[str, Any]:
    """A passage as the naive build shows it."""
    title, _, number = hit.key.rpartition(":")
    return {"title": title, "text": hit.text, "number": int(number), "score": float(hit.score)}
