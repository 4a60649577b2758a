"""What must be there before the service starts? A fitted model and the vectors of all passages, in a folder.

python -m tests.targets.rag_service.index FOLDER [light | transformer]
"""

import sys
from pathlib import Path

import numpy as np
from tests.targets.rag_service.embedder import Embedder, ProjectedEmbedder, TransformerEmbedder, fit
from tests.targets.rag_service.passages import passages

VECTORS = "vectors.npy"  # float32, one row for each passage


def build(folder: Path, embedder: str = "light") -> None:
    """Fit the model where the embedder is the light one, and embed every passage."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [passage.text for passage in passages()]
    if embedder == "transformer":
        model: Embedder = TransformerEmbedder(folder)
    else:
        fit(texts, folder)
        model = ProjectedEmbedder(folder)
    np.save(folder / VECTORS, np.stack([model.embed(text) for text in texts]))


if __name__ == "__main__":
    build(Path(sys.argv[1]), *sys.argv[2:3])
