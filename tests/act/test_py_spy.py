"""Is py-spy's answer taken apart as it should be, whatever it says?"""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.act.py_spy import MOST_FRAMES, MOST_THREADS, find_py_spy, read_answer
from brimwatch.model import Reason

FRAME = {"name": "f", "filename": "/a/b.py", "line": 3, "locals": None}
THREAD = {"thread_name": "main", "os_thread_id": 7, "active": True, "owns_gil": False, "frames": [FRAME]}


def answer(*threads: object) -> bytes:
    return json.dumps(threads).encode()


def test_a_thread_is_a_line_and_each_of_its_frames_another() -> None:
    assert read_answer(answer(THREAD), 7).lines == (
        {
            "record": "python_thread", "pid": 7, "tid": 7, "name": "main",
            "active": True, "holds_gil": False, "frames": 1,
        },
        {"record": "frame", "at": "f (/a/b.py:3)"},
    )  # fmt: skip


def test_the_command_line_that_py_spy_may_tell_is_not_kept() -> None:
    told = {**THREAD, "process_info": {"pid": 7, "command_line": "app --password=PLANTED"}}
    assert "PLANTED" not in repr(read_answer(answer(told), 7).lines)


def test_hostile_names_are_one_printable_line() -> None:
    frame = {**FRAME, "name": "f\n\x1b[31m" + "x" * 1000}
    (_, line) = read_answer(answer({**THREAD, "frames": [frame]}), 7).lines
    assert str(line["at"]).isprintable()
    assert len(str(line["at"])) <= 200


def test_threads_and_frames_are_bounded() -> None:
    lines = read_answer(answer(*[{**THREAD, "frames": [FRAME] * 500}] * 500), 7).lines
    assert len(lines) == MOST_THREADS * (MOST_FRAMES + 1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"Error: no", id="no JSON"),
        pytest.param(b"{}", id="no list"),
        pytest.param(b"[]", id="no thread"),
        pytest.param(b'[1, "x", null]', id="threads that are none"),
        pytest.param(answer(THREAD)[:40], id="half an answer"),
    ],
)
def test_an_answer_without_threads_is_an_error(text: bytes) -> None:
    found = read_answer(text, 7)
    assert (found.lines, found.reason) == ((), Reason.ERROR)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
KEYS = st.sampled_from(["thread_name", "os_thread_id", "frames", "name", "filename", "line", "locals", "repr"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON), max_size=5)), max_size=5))
def test_no_answer_breaks_the_reading(threads: list[object]) -> None:
    json.dumps(read_answer(answer(*threads), 7).lines)


def test_the_program_beside_the_interpreter_comes_before_the_one_on_path(tmp_path: Path) -> None:
    (beside, elsewhere) = (tmp_path / "venv", tmp_path / "bin")
    for folder in (beside, elsewhere):
        folder.mkdir()
        (folder / "py-spy").touch(0o755)
    assert find_py_spy(str(beside / "python"), str(elsewhere)) == str(beside / "py-spy")
    (beside / "py-spy").chmod(0o644)
    assert find_py_spy(str(beside / "python"), str(elsewhere)) == str(elsewhere / "py-spy")
    (elsewhere / "py-spy").unlink()
    assert find_py_spy(str(beside / "python"), str(elsewhere)) is None
