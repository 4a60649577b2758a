"""Threads by name."""

import pytest

from brimwatch.inspect.report import ThreadGroup
from brimwatch.inspect.threads import group_names, read_thread_names


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        pytest.param(["main"], [("main", 1)], id="one thread is one group"),
        pytest.param(["a", "b", "b"], [("b", 2), ("a", 1)], id="the most frequent name comes first"),
        pytest.param(
            ["pool-1", "pool-22", "main"], [("pool-N", 2), ("main", 1)], id="names that differ in digits are one"
        ),
        pytest.param(["pool-1", "pool-1"], [("pool-1", 2)], id="digits that do not differ stay"),
        pytest.param(["x", "X"], [("X", 1), ("x", 1)], id="letters that differ are two names"),
        pytest.param(["", ""], [("", 2)], id="an empty name is a name"),
        pytest.param([], [], id="no name is no group"),
    ],
)
def test_threads_are_grouped_by_name(names: list[str], groups: list[tuple[str, int]]) -> None:
    assert group_names(names) == tuple(ThreadGroup(*group) for group in groups)


def test_a_process_that_is_gone_has_no_names(tmp_path) -> None:
    with pytest.raises(ProcessLookupError):
        read_thread_names(str(tmp_path / "4242"))


def test_a_thread_that_ends_meanwhile_is_left_out_and_a_name_may_hold_newlines(tmp_path) -> None:
    (tmp_path / "task" / "7").mkdir(parents=True)
    (tmp_path / "task" / "8").mkdir()
    (tmp_path / "task" / "7" / "comm").write_bytes(b"a\nb\xff\n")

    assert read_thread_names(str(tmp_path)) == ["a\nb\\xff"]


def test_no_more_names_are_read_than_allowed(tmp_path) -> None:
    for number in range(5):
        (tmp_path / "task" / str(number)).mkdir(parents=True)
        (tmp_path / "task" / str(number) / "comm").write_bytes(b"x\n")

    assert read_thread_names(str(tmp_path), most=3) == ["x"] * 3
