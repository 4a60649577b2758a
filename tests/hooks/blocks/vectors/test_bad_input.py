"""What becomes of vectors, files and disks that are not as they should be? Nothing is changed, and it is said."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from tests.conftest import fill as fill_disk
from tests.hooks.blocks.vectors.conftest import embeddings, fill
from tests.hooks.conftest import DAEMON

from brimwatch.hooks import VectorStore
from brimwatch.hooks.vectors.libraries import VectorStoreError

Opened = Callable[..., VectorStore]
HERE = f"import sys; sys.path.insert(0, {str(DAEMON)!r})\nfrom brimwatch import hooks\n"


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        pytest.param([1.0, float("nan")], "NaN or infinity in vector 1 of 2", id="NaN"),
        pytest.param([1.0, float("-inf")], "NaN or infinity in vector 1 of 2", id="infinity"),
        pytest.param([0.0, 0.0], "only zeros in vector 1 of 2", id="no direction"),
        pytest.param([1.0], "wanted vectors of numbers", id="ragged"),
        pytest.param(["a", "b"], "wanted vectors of numbers", id="texts"),
    ],
)
def test_a_bad_vector_keeps_all_of_a_call_out(opened: Opened, vector: Any, said: str) -> None:
    store = opened()
    store.add("before", [1.0, 0.0])
    with pytest.raises(ValueError, match=said):
        store.add_many(["a", "b"], [[0.0, 1.0], vector])
    assert (len(store), [hit.key for hit in store.search([0.0, 1.0])]) == (1, ["before"])
    with pytest.raises(ValueError, match="VectorStore: found"):
        store.search(vector)


def test_vectors_of_another_number_of_dimensions_are_refused(opened: Opened) -> None:
    store = opened()
    store.add("a", [1.0, 0.0, 0.0])
    for call in (lambda: store.add("b", [1.0]), lambda: store.search([1.0, 0.0, 0.0, 0.0])):
        with pytest.raises(ValueError, match=r"found a vector of \d dimensions, wanted 3"):
            call()
    with pytest.raises(ValueError, match="found 2 vectors, wanted 1: one for each key"):
        store.add_many(["a"], numpy.eye(3)[:2])


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"dtype": "int8"}, None),
        ({"dimensions": 0}, None),
        ({"hot": -1}, None),
        ({"max_in_memory": 1.5}, None),
        ({}, ("", [1.0])),
        ({}, ("a", [1.0], 5)),
        ({}, ("a", [1.0], "", 0)),
        ({}, ("a", [1.0], "", float("nan"))),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(opened: Opened, options: dict[str, Any], arguments: Any) -> None:
    with pytest.raises(ValueError, match=r"VectorStore.*wanted"):
        opened(**options).add(*arguments)


def test_a_hot_set_and_a_memory_of_nothing_still_find(opened: Opened) -> None:
    store = opened(hot=0, max_in_memory=0)
    fill(store, numpy.eye(5, dtype=numpy.float32))
    assert store.search(numpy.eye(5)[3], k=1)[0].key == "k3"
    assert (len(store._hot), store.size_bytes()) == (0, 4 * 5)  # a buffer of one row it cannot do without


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda content: b"GIF89a" + content, "no vector file of ours", id="foreign"),
        pytest.param(lambda content: content[:20], "head is damaged", id="cut off in its head"),
        pytest.param(
            lambda content: content[:24] + b"\x99" + content[25:], "head is damaged", id="a head with a fault"
        ),
        pytest.param(lambda content: content[:-1], "found 39 whole vectors, wanted 40", id="cut off by a byte"),
        pytest.param(lambda content: content[:5000], "found 6 whole vectors, wanted 40", id="cut off"),
        pytest.param(lambda content: b"", "these are not the texts of", id="emptied"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_and_left_as_it_is(
    opened: Opened, path: str, damage: Callable[[bytes], bytes], said: str
) -> None:
    with opened() as store:
        fill(store, embeddings(40, 64))
    content = damage(Path(path).read_bytes())
    Path(path).write_bytes(content)
    for read_only in (False, True):
        with pytest.raises(VectorStoreError, match="there is no store" if read_only and not content else said):
            opened(read_only=read_only)
    assert Path(path).read_bytes() == content


def test_what_is_whole_of_a_file_that_was_cut_off_can_be_kept(opened: Opened, path: str) -> None:
    vectors = embeddings(40, 64)
    with opened() as store:
        fill(store, vectors)
    os.truncate(path, 4096 + 130 * 25 + 7)
    with opened(salvage=True) as store:
        assert len(store) == 25
        assert {hit.key for hit in store.search(vectors[30], k=40)} == {f"k{n}" for n in range(25)}
        fill(store, vectors[25:], first=25)
        assert store.search(vectors[30], k=1)[0].key == "k30"
    assert len(opened()) == 40


def test_a_foreign_file_is_not_written_beside(opened: Opened, path: str) -> None:
    Path(path).write_bytes(b"%PDF-1.7")
    with pytest.raises(VectorStoreError, match="no vector file of ours"):
        opened()
    assert not Path(f"{path}.texts").exists()


def test_texts_that_are_missing_or_of_another_store_are_refused(opened: Opened, path: str, tmp_path: Path) -> None:
    with opened() as store:
        store.add("a", [1.0])
    with VectorStore(str(tmp_path / "other")) as other:
        other.add("b", [1.0])
    os.replace(tmp_path / "other.texts", f"{path}.texts")
    with pytest.raises(VectorStoreError, match="not the texts of"):
        opened()
    Path(f"{path}.texts").write_bytes(b"nothing that SQLite would know" * 100)
    with pytest.raises(VectorStoreError, match="not a database"):
        opened()


def test_a_file_that_is_cut_off_while_it_is_open_is_noticed_and_words_do(opened: Opened, path: str) -> None:
    store = opened()
    vectors = embeddings(2000, 64)
    store.add_many([f"k{n}" for n in range(2000)], vectors, [f"text{n}" for n in range(2000)])
    os.truncate(path, 50_000)
    with pytest.raises(VectorStoreError, match="cut it off while it was open"):
        store.search(vectors[5])
    answer = store.search(vectors[5], "text1234")
    assert (answer.how, [hit.key for hit in answer]) == ("keywords", ["k1234"])
    assert "cut it off" in str(answer.why)


def test_a_full_disk_keeps_what_was_there_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    path, vectors = str(small_disk / "v"), embeddings(400, 64)
    with VectorStore(path) as store:
        fill(store, vectors[:100])
        fill_disk(small_disk / "ballast")
        with pytest.raises(VectorStoreError, match=r"No space left|disk is full"):
            fill(store, vectors[100:])
        assert len(store) == 100
        assert store.search(vectors[42], k=1)[0].key == "k42"
        assert store.search(vectors[200], k=400)[0].key != "k200"
        os.unlink(small_disk / "ballast")
        fill(store, vectors[100:200], first=100)
        assert store.search(vectors[150], k=1)[0].key == "k150"
    with VectorStore(path) as store:
        assert len(store) == 200


def test_a_disk_that_is_full_from_the_start_leaves_no_half_store(small_disk: Path) -> None:
    path = str(small_disk / "v")
    store = VectorStore(path)
    fill_disk(small_disk / "ballast")
    with pytest.raises(VectorStoreError, match=r"No space left|disk is full"):
        store.add("a", [1.0] * 64)
    os.unlink(small_disk / "ballast")
    store.add("a", [1.0] * 64)
    store.close()
    with VectorStore(path) as store:
        assert store.search([1.0] * 64)[0].key == "a"


def test_a_second_writer_is_refused_and_a_reader_sees_what_the_first_adds(opened: Opened, path: str) -> None:
    store = opened()
    store.add("a", [1.0, 0.0], "first")
    code = f"""
store = None
try:
    hooks.VectorStore({path!r})
except OSError as fault:
    print(fault)
store = hooks.VectorStore({path!r}, read_only=True)
for line in sys.stdin:
    print([hit.key for hit in store.search([0.0, 1.0])], len(store), flush=True)
    try:
        store.add("c", [1.0, 1.0])
    except OSError as fault:
        print(fault, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", HERE + code], stdin=-1, stdout=-1, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert "another process (or another store in this one) writes to it" in reader.stdout.readline()
        for keys in (["a"], ["b", "a"]):
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == f"{keys} {len(keys)}\n"
            assert "open for reading only" in reader.stdout.readline()
            store.add("b", [0.0, 1.0], "second")
        reader.stdin.close()
        assert reader.wait(20) == 0
    with pytest.raises(VectorStoreError, match=r"another process \(or another store"):
        opened()


def test_a_writer_that_is_killed_leaves_what_it_had_added(path: str) -> None:
    code = f"""
import numpy
store, number = hooks.VectorStore({path!r}), 0
while True:
    keys = [f"k{{number + n}}" for n in range(5)]
    store.add_many(keys, numpy.eye(64)[[n % 64 for n in range(number, number + 5)]], keys)
    number += 5
    store.delete(f"k{{number - 50}}")
    print(number, flush=True)
"""
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", HERE + code], stdout=-1, text=True) as writer:
            assert writer.stdout is not None
            added = [int(writer.stdout.readline()) for _ in range(40)][-1]
            writer.kill()
            rest = writer.stdout.read().split()
        added = int(rest[-1]) if rest and rest[-1].isdigit() else added
        with VectorStore(path) as store:
            keys = {f"k{n}" for n in range(added)}
            found = [hit for axis in range(64) for hit in store.search(numpy.eye(64)[axis], k=999) if hit.score > 0.4]
            assert len({hit.key for hit in found}) == len(found) == len(store)
            assert {hit.key for hit in found} >= keys - {f"k{n}" for n in range(0, added, 5)}
            assert all(store.search(text=hit.key, k=1)[0].key == hit.key for hit in found[::40])


def test_without_numpy_it_says_what_is_missing(path: str) -> None:
    code = f"""
sys.modules['numpy'] = None
try:
    hooks.VectorStore({path!r})
except ImportError as fault:
    print(fault)
"""
    answer = subprocess.run([sys.executable, "-c", HERE + code], capture_output=True, text=True, timeout=60)
    assert answer.stdout == "hooks.VectorStore needs numpy, which is not installed here: pip install numpy\n"


def test_threads_add_delete_and_search_at_once(opened: Opened) -> None:
    store, faults = opened(hot=5), []
    axes = numpy.eye(16)

    def load(seed: int) -> None:
        try:
            for number in range(60):
                store.add(f"{seed}-{number}", axes[seed], f"word{seed}", 1.0)
                if number % 3 == 0:
                    store.delete(f"{seed}-{number}")
                found = store.search(axes[seed], k=100)
                near = [hit.key for hit in found if hit.score > 0.9]
                assert all(key.startswith(f"{seed}-") for key in near)
                assert len(near) == len(set(near)) == number - number // 3
                store.info()
        except Exception as fault:  # noqa: BLE001 - whatever it is, the thread may not keep it for itself
            faults.append(fault)

    threads = [threading.Thread(target=load, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (faults, len(store)) == ([], 4 * 40)


def test_a_forked_child_reads_and_leaves_the_writing_to_its_parent(path: str) -> None:
    code = f"""
import os
store = hooks.VectorStore({path!r})
store.add("a", [1.0, 0.0], "first")
child = os.fork()
if not child:
    found = store.search([1.0, 0.0])[0].key + store.search(text="first")[0].key
    try:
        store.add("b", [0.0, 1.0])
    except OSError:
        found += "refused"
    sys.stdout.write(found + "\\n")
    sys.exit()
os.waitpid(child, 0)
store.add("c", [0.0, 1.0], "third")
store.close()
store = hooks.VectorStore({path!r})
print(len(store), store.search(text="third")[0].key)
"""
    answer = subprocess.run([sys.executable, "-c", HERE + code], capture_output=True, text=True, timeout=60)
    assert (answer.stdout, answer.stderr) == ("aarefused\n2 c\n", "")
