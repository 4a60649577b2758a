"""What is left when a writer ends in the middle of an add? The state before or the state after, never one between."""

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from tests.hooks.conftest import DAEMON

from brimwatch.hooks import VectorStore
from brimwatch.hooks.vectors.libraries import VectorStoreError
from brimwatch.hooks.vectors.texts import Texts

STAGES = [
    "VectorFile.replace",
    "VectorFile.append",
    "VectorFile.write_header",
    "Texts.put",
    "Texts.commit",
    "VectorFile.weigh",
]
WHEN = ("before", "after")
CODE = """
import itertools, os, sys
sys.path.insert(0, sys.argv[1])
import numpy
from brimwatch import hooks
from brimwatch.hooks.vectors.file import VectorFile
from brimwatch.hooks.vectors.texts import Texts

def add_half(stage, when):
    store, axes = hooks.VectorStore(f"{sys.argv[2]}/{stage}-{when}"), numpy.eye(8)
    store.add_many(["a", "b", "gone"], axes[:3], ["old a", "old b", "old gone"])
    store.delete("gone")
    owner, _, method = stage.partition(".")
    kind = {"VectorFile": VectorFile, "Texts": Texts}[owner]
    whole = getattr(kind, method)

    def end(*arguments):
        if when == "after":
            whole(*arguments)
        os._exit(9)

    setattr(kind, method, end)
    store.add_many(["b", "c", "d"], axes[3:6], ["new b", "new c", "new d"])

for stage, when in itertools.product(sys.argv[3:], ("before", "after")):
    child = os.fork()
    if not child:
        add_half(stage, when)
        os._exit(0)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 9, (stage, when)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store for each stage, left by a process that has ended there."""
    made = tmp_path_factory.mktemp("half")
    subprocess.run([sys.executable, "-c", CODE, str(DAEMON), str(made), *STAGES], check=True, timeout=60)
    return made


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("stage", STAGES)
def test_a_writer_that_ends_there_leaves_all_of_an_add_or_nothing(folder: Path, stage: str, when: str) -> None:
    axes = numpy.eye(8)
    with VectorStore(str(folder / f"{stage}-{when}")) as store:
        found = {hit.key: int(numpy.argmax(store.get(hit.key))) for hit in store.search(axes[0], k=99)}
        assert found in ({"a": 0, "b": 1}, {"a": 0, "b": 3, "c": 4, "d": 5})
        new = len(found) == 4
        assert new == (stage == "VectorFile.weigh" or (stage, when) == ("Texts.commit", "after"))
        assert len(store) == len(found)
        assert [hit.key for hit in store.search(text="new")] == (["b", "c", "d"] if new else [])
        store.add_many(["e", "f"], axes[6:8], ["e", "f"])
        assert {hit.key for hit in store.search(axes[6], k=99) if hit.score > 0.1} == {"e"}
        assert store._collection.file is not None
        assert store._collection.file.header.count <= 6, "rows of the add that came to nothing are used again"


@pytest.mark.parametrize("freed", [0, 40], ids=["in new rows", "in rows of deleted vectors"])
def test_an_add_that_fails_leaves_no_row_that_hides_others(
    path: str, freed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Texts) -> None:
        raise VectorStoreError("the disk is full")

    axes = numpy.eye(8)
    with VectorStore(path, weigh=False) as store:
        store.add("kept", axes[0] + axes[1])
        store.add_many([f"gone{n}" for n in range(40)], [axes[5]] * 40)
        for number in range(freed):
            store.delete(f"gone{number}")
        rows = store.info()["file_bytes"]
        with monkeypatch.context() as patched:
            patched.setattr(Texts, "commit", fail)
            with pytest.raises(VectorStoreError, match="full"):
                store.add_many([f"failed{n}" for n in range(40)], [axes[0]] * 40)
        assert store.info()["file_bytes"] == rows
        assert [hit.key for hit in store.search(axes[0], k=1)] == ["kept"]
        store.add("next", axes[7])
        assert [hit.key for hit in store.search(axes[0], k=1)] == ["kept"]
        assert len(store) == 42 - freed
