"""Are the models of the reference service what they are said to be?"""

from pathlib import Path

import pytest
from tests.targets.rag_service.passages import passages, questions


@pytest.mark.parametrize(
    "text", ["", "a", "format string syntax", "Ünïcode ελληνικά 日本語 words", "x1 " * 50 + "yield from"]
)
def test_rows_of_a_file_make_the_vector_that_the_whole_model_makes(rag_index: Path, text: str) -> None:
    from tests.targets.rag_service.embedder import ProjectedEmbedder, SklearnEmbedder

    whole, rows = SklearnEmbedder(rag_index).embed(text), ProjectedEmbedder(rag_index).embed(text)
    assert abs(whole - rows).max() < 1e-6
    assert abs(float(rows @ rows) - (1.0 if text[1:] else 0.0)) < 1e-5


def test_words_are_hashed_as_scikit_learn_does(rag_index: Path) -> None:
    from sklearn.utils import murmurhash3_32
    from tests.targets.rag_service.embedder import murmur

    words = [passage.text[: size % 17].encode() for size, passage in enumerate(passages()[:200])]
    assert [murmur(word) for word in words] == [murmurhash3_32(word) for word in words]


def test_vectors_find_the_passage_that_a_question_came_from(rag_index: Path) -> None:
    import numpy as np
    from tests.targets.rag_service.embedder import ProjectedEmbedder
    from tests.targets.rag_service.index import VECTORS

    embedder, vectors = ProjectedEmbedder(rag_index), np.load(rag_index / VECTORS)
    asked = questions(passages(), 200, seed=1)
    found = [one.answered_by in np.argsort(-(vectors @ embedder.embed(one.text)))[:10] for one in asked]
    assert sum(found) > 150
