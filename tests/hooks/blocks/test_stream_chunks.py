"""Does what is larger than memory pass, whole and in order, within its bound?"""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.forking import in_child
from tests.hooks.blocks.tiers import in_tier
from tests.hooks.conftest import DAEMON

from brimwatch import hooks
from brimwatch.hooks import streaming

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def streamed(content: bytes, kind: str, **arguments: Any) -> list[Any]:
    return list(hooks.stream_chunks(io.BytesIO(content), kind, **arguments))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=500), st.integers(1, 64))
def test_bytes_come_whole_and_in_pieces_within_the_bound(content: bytes, size: int) -> None:
    pieces = streamed(content, "bytes", chunk_bytes=size)
    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= size for piece in pieces)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30)), st.booleans()
)
def test_lines_come_as_they_were_written(lines: list[str], windows: bool) -> None:
    end = "\r\n" if windows else "\n"
    content = "".join(line + end for line in lines).encode()
    assert streamed(content, "lines") == lines
    longest = max((len(line.encode()) for line in lines), default=0)
    if longest > 1:
        assert streamed(content, "lines", most_bytes=longest) == lines
        with pytest.raises(hooks.ChunkTooLarge):
            streamed(content, "lines", most_bytes=longest - 1)


@settings(max_examples=80, deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_an_array_is_what_json_reads(values: list[Any], size: int, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    content = text.encode("utf-8", "surrogatepass")
    try:
        expected = json.loads(content.decode())
    except UnicodeDecodeError:  # lone surrogates are no UTF-8
        with pytest.raises(ValueError, match="BytesIO"):
            streamed(content, "json", chunk_bytes=size)
        return
    assert streamed(content, "json", chunk_bytes=size) == expected
    lines = "\n\n".join(json.dumps(value) for value in values).encode()
    assert streamed(lines, "jsonl", chunk_bytes=size) == values


@settings(max_examples=100, deadline=None)
@given(
    st.lists(VALUES, max_size=4),
    st.integers(0, 200),
    st.sampled_from(["cut", "x", '"', "]", "}", ","]),
    st.integers(1, 30),
)
def test_a_damaged_array_is_refused_exactly_where_json_refuses_it(
    values: list[Any], at: int, damage: str, size: int
) -> None:
    text = json.dumps(values)
    at = min(at, len(text))
    text = text[:at] if damage == "cut" else text[:at] + damage + text[at:]
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match="BytesIO"):
            streamed(text.encode(), "json", chunk_bytes=size)
    else:
        if isinstance(expected, list):
            assert streamed(text.encode(), "json", chunk_bytes=size) == expected


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"", "wanted an array", id="nothing"),
        pytest.param(b'{"a": 1}', "wanted an array", id="an object"),
        pytest.param(b"[1] [2]", "there is more after the array", id="two arrays"),
        pytest.param(b"[1", "element 1: the text ends", id="an array that does not end"),
        pytest.param(b"[1,]", "element 1: ", id="a comma too many"),
        pytest.param(b"[1 2]", "element 1: found '2'", id="a comma too few"),
        pytest.param(b"[1, NaN]", "element 1: NaN is no JSON", id="no number"),
        pytest.param(b"[" + b"[" * 100_000, "element 0: it is nested too deeply", id="nested without end"),
        pytest.param(b"[1, " + b"9" * 5000 + b"]", "element 1: ", id="a number that takes quadratic time"),
        pytest.param(b'["\xff"]', "utf-8", id="no UTF-8"),
        pytest.param(b'["' + b"a" * 2000 + b'"]', "element 0: it has more than 1000 characters", id="one too large"),
        pytest.param(b'["' + b"a" * 2000, "element 0: it has more than 1000 characters", id="one without an end"),
    ],
)
def test_what_is_no_array_is_said_with_its_element(content: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        streamed(content, "json", most_bytes=6000 if b"999" in content else 200_000 if b"[[" in content else 1000)


def test_the_bound_of_an_element_is_exact_wherever_reads_end() -> None:
    content = json.dumps(["a" * 98, "b" * 98]).encode()
    for size in range(1, 120):
        assert len(streamed(content, "json", chunk_bytes=size, most_bytes=100)) == 2
        with pytest.raises(hooks.ChunkTooLarge):
            streamed(content, "json", chunk_bytes=size, most_bytes=99)


def test_a_byte_order_mark_is_no_part_of_the_array() -> None:
    assert streamed(b"\xef\xbb\xbf [1, 2] \n", "json") == [1, 2]


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        pytest.param("lines", b"fine\n\xff\n", "line 2 is no UTF-8", id="a line that is no UTF-8"),
        pytest.param("jsonl", b"{}\n\n{]\n", "line 3: ", id="a line that is no JSON"),
        pytest.param("lines", b"a" * 2000, "line 1 has more than 1000 bytes", id="a line without end"),
        pytest.param("jsonl", b"1\n" + b"2" * 2000, "line 2 has more than 1000 bytes", id="a value without end"),
    ],
)
def test_a_faulty_line_is_said_with_its_number(kind: str, content: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        streamed(content, kind, most_bytes=1000)


def test_elements_below_a_key_come_by_ijson() -> None:
    pytest.importorskip("ijson")
    content = json.dumps({"skip": [1], "data": {"rows": [{"a": 1.5}, {"b": [2]}]}}).encode()
    assert streamed(content, "json", items="data.rows") == [{"a": 1.5}, {"b": [2]}]
    with pytest.raises(ValueError, match="BytesIO"):
        streamed(content[:-5], "json", items="data.rows")
    large = json.dumps({"rows": ["a" * 10_000]}).encode()
    with pytest.raises(hooks.ChunkTooLarge, match="more than 1000"):
        streamed(large, "json", items="rows", most_bytes=1000, chunk_bytes=100)


def test_without_ijson_it_says_what_is_missing() -> None:
    code = (
        "import sys, io; sys.modules['ijson'] = None\nfrom brimwatch import hooks\n"
        "try: list(hooks.stream_chunks(io.BytesIO(b'{}'), 'json', items='a'))\nexcept ValueError as fault: print(fault)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=DAEMON)
    assert "which needs ijson" in answer.stdout, answer.stderr


@pytest.mark.parametrize("kind", ["bytes", "lines", "json", "jsonl"])
def test_compressed_files_are_read_by_their_ending(tmp_path: Path, kind: str) -> None:
    content = b"[1,\n2]\n" if kind == "json" else b"1\n2\n"
    path = tmp_path / "data.gz"
    path.write_bytes(gzip.compress(content))
    assert list(hooks.stream_chunks(path, kind)) == streamed(content, kind)
    path.write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(EOFError):
        list(hooks.stream_chunks(str(path), kind))


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"kind": "xml"}, id="a kind that there is not"),
        pytest.param({"kind": "lines", "items": "a"}, id="a key where there is none"),
        pytest.param({"kind": "lines", "chunk_bytes": 0}, id="reads of nothing"),
        pytest.param({"kind": "lines", "most_bytes": 0}, id="a budget of 0"),
        pytest.param({"kind": "lines", "source": 3.5}, id="no file"),
    ],
)
def test_wrong_arguments_are_refused_where_they_are_written(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"hooks\.stream_chunks"):
        hooks.stream_chunks(**{"source": io.BytesIO(b""), **arguments})


@pytest.mark.parametrize("kind", ["bytes", "lines", "json", "jsonl"])
def test_a_text_file_is_refused_with_what_was_wanted(kind: str) -> None:
    with pytest.raises(ValueError, match="wanted a binary file"):
        list(hooks.stream_chunks(io.StringIO("[1]"), kind))  # type: ignore[arg-type]


def test_a_file_is_closed_at_the_end_on_a_fault_and_by_with(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1\n2\n")
    given = path.open("rb")
    for end in ("read", "close", "fault"):
        stream = hooks.stream_chunks(path, most_bytes=1)
        if end == "read":
            list(stream)
        elif end == "close":
            with stream:
                assert next(stream) == "1"
            assert list(stream) == []
        else:
            path.write_bytes(b"long")
            with pytest.raises(hooks.ChunkTooLarge):
                list(hooks.stream_chunks(path, most_bytes=1))
            stream.close()
        assert stream._file.closed
    list(hooks.stream_chunks(given))
    assert not given.closed
    given.close()


def test_a_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb", buffering=0) as sink:
        stream = hooks.stream_chunks(source)
        sink.write(b"one\ntw")
        assert next(stream) == "one"
        sink.write(b"o\n")
        assert next(stream) == "two"


def test_reads_are_small_while_memory_is_short() -> None:
    stream = hooks.stream_chunks(io.BytesIO(bytes(2_000_000)), "bytes", chunk_bytes=100_000)
    assert len(next(stream)) == 100_000
    with in_tier("critical"):
        assert len(next(stream)) == 4096
    hooks.reclaim("warning", names=[streaming.STREAMS.name])
    assert [len(next(stream)) for _ in range(7)] == [4096, 8192, 16384, 32768, 65536, 100_000, 100_000]


def test_figures_are_those_of_all_streams() -> None:
    before = streaming.STREAMS.info()
    stream = hooks.stream_chunks(io.BytesIO(b"ab" * 100), "bytes", chunk_bytes=50)
    next(stream)
    assert streaming.STREAMS.size_bytes() >= 50
    during = streaming.STREAMS.info()
    list(stream)
    after = streaming.STREAMS.info()
    found = [{key: later[key] - before[key] for key in later} for later in (during, after)]
    assert found == [
        {"streams": 1, "open": 1, "bytes": 50, "chunks": 1}, {"streams": 1, "open": 0, "bytes": 200, "chunks": 4},
    ]  # fmt: skip


def test_threads_may_share_one() -> None:
    content = b"".join(b"%d\n" % number for number in range(20_000))
    stream, seen = hooks.stream_chunks(io.BytesIO(content)), []
    threads = [threading.Thread(target=lambda: seen.extend(stream)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(map(int, seen)) == list(range(20_000))


def test_a_child_forked_while_it_is_read_reads_another() -> None:
    reading, writing = os.pipe()
    source = open(reading, "rb")  # noqa: SIM115 - closed below
    stream = hooks.stream_chunks(source)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    code = in_child(lambda: len(streamed(b"1\n2\n3\n", "lines")))
    os.close(writing)
    thread.join(10)
    source.close()
    assert code == 3
