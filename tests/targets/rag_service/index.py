"""What must be there before the service starts? A fitted model and the vectors of all passages, in a folder.

python -m tests.targets.rag_service.index FOLDER [light | transformer]
"""

import sys
from pathlib import Path

VECTORS = "vectors.npy"  # float32, one row for each passage: what the naive build loads
STORE = "passages.vectors"  # the same in float16, with texts and priorities: what the build with the blocks opens
PRIORITIES = {"debugger": 0.3, "specialnames": 0.7}  # of passages, by topic: what is rarely meant
USUAL = 1.0


def build(folder: Path, embedder: str = "light") -> None:
    """Fit the model where the embedder is the light one, and embed every passage."""
    import numpy as np
    from tests.targets.rag_service.embedder import ProjectedEmbedder, TransformerEmbedder, fit
    from tests.targets.rag_service.passages import passages

    from brimwatch import hooks

    folder.mkdir(parents=True, exist_ok=True)
    known = passages()
    texts = [passage.text for passage in known]
    if embedder == "transformer":
        vectors = TransformerEmbedder(folder).embed_all(texts)
    else:
        fit(texts, folder)
        model = ProjectedEmbedder(folder)
        vectors = np.stack([model.embed(text) for text in texts])
    np.save(folder / VECTORS, vectors)
    for old in folder.glob(f"{STORE}*"):  # the vectors, and the texts beside them
        old.unlink()
    with hooks.VectorStore(str(folder / STORE)) as store:
        store.add_many(
            [f"{passage.title}:{number}" for number, passage in enumerate(known)],
            vectors,
            texts,
            [PRIORITIES.get(passage.title, USUAL) for passage in known],
        )


if __name__ == "__main__":
    build(Path(sys.argv[1]), *sys.argv[2:3])
