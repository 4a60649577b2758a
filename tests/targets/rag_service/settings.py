"""How is the service told what to do? By its environment, as containers are."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """RAG_FOLDER (what index.py wrote), RAG_PORT, RAG_EMBEDDER; RAG_CAPACITY: vectors the naive index has room for."""

    folder: Path
    port: int
    embedder: str
    capacity: int


def from_environment(embedder: str) -> Settings:
    """The settings; `embedder` is the build's own choice where nothing else is said."""
    known = os.environ
    return Settings(
        Path(known["RAG_FOLDER"]),
        int(known.get("RAG_PORT", "8000")),
        known.get("RAG_EMBEDDER", embedder),
        int(known.get("RAG_CAPACITY", "100000")),
    )
