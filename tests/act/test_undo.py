import threading
from pathlib import Path

import pytest

from brimwatch.act.refused import Refused
from brimwatch.act.undo import Change, Hold, LimitChange, State, Undo
from brimwatch.model import ProcessId, Reason
from brimwatch.procfs.cgroup_place import Directory, Place
from brimwatch.units import Bytes


def hold() -> Hold:
    return Hold(Undo("ceiling", "shop", 1.0, None, "", LimitChange(ProcessId(1, 1), Bytes(5), None)))


def restored(_: Change, __: Directory | None) -> State:
    return State("back")


def test_what_was_taken_back_before_it_was_made_is_made_no_more() -> None:
    made: list[int] = []
    one = hold()
    assert one.take_back(restored) == State("back")
    with pytest.raises(Refused) as refused:
        one.make(lambda: made.append(1))
    assert (refused.value.reason, made) == (Reason.STOPPED, [])


def test_it_is_taken_back_once_whoever_asks_again_hears_the_same() -> None:
    times: list[int] = []

    def restore(_: Change, __: Directory | None) -> State:
        times.append(1)
        return State("back")

    one = hold()
    one.make(lambda: None)
    assert [one.take_back(restore), one.take_back(restore)] == [State("back")] * 2
    assert times == [1]


def test_one_that_failed_can_be_tried_again_with_the_directory_still_open(tmp_path: Path) -> None:
    seen: list[Directory | None] = []

    def fail(_: Change, directory: Directory | None) -> State:
        seen.append(directory)
        raise PermissionError("no")

    def succeed(_: Change, directory: Directory | None) -> State:
        seen.append(directory)
        return State("back")

    one, directory = hold(), Directory(Place(2, str(tmp_path), "", "/"))
    one.make(lambda: None, directory)
    with pytest.raises(PermissionError):
        one.take_back(fail)
    assert one.take_back(succeed) == State("back")
    assert seen == [directory, directory]
    with pytest.raises(OSError, match="Bad file descriptor"):
        directory.has("anything")


def test_an_undo_waits_for_a_change_that_is_just_being_made() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        go_on.wait()
        order.append("made")

    def restore(_: Change, __: Directory | None) -> State:
        order.append("taken back")
        return State("back")

    one = hold()
    maker = threading.Thread(target=one.make, args=(write,))
    maker.start()
    begun.wait()
    taker = threading.Thread(target=one.take_back, args=(restore,))
    taker.start()
    go_on.set()
    maker.join()
    taker.join()
    assert order == ["made", "taken back"]
