"""Does the kernel take our triggers? What they tell is in tests/runtime/test_wakes.py."""

import os
import select
from pathlib import Path

import pytest

from brimwatch.procfs.cgroup_place import Place
from brimwatch.procfs.trigger import open_oom_event, open_pressure_trigger

PRESSURE = "/proc/pressure/memory"


def without(reason: str) -> None:
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def test_the_machine_takes_a_trigger_of_one_second_or_of_two() -> None:
    if not os.path.exists(PRESSURE):
        without("this kernel keeps no account of pressure")
    try:
        descriptor = open_pressure_trigger(PRESSURE)
    except PermissionError:
        without("this user may set no trigger (Linux before 6.4 without CAP_SYS_RESOURCE)")
    try:
        with select.epoll() as poll:
            poll.register(descriptor, select.EPOLLPRI)
            assert poll.poll(0) == []
    finally:
        os.close(descriptor)


def test_a_plain_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "memory"
    file.write_text("some avg10=0.00")
    with pytest.raises(OSError, match="no file of the kernel's"):
        open_pressure_trigger(str(file))
    assert file.read_text() == "some avg10=0.00"


def test_a_window_that_nobody_may_use_is_an_error_and_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists(PRESSURE):
        without("this kernel keeps no account of pressure")
    monkeypatch.setattr("brimwatch.procfs.trigger.WINDOWS", (10,))
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="Invalid argument"):
        open_pressure_trigger(PRESSURE)
    assert os.listdir("/proc/self/fd") == before


def test_a_cgroup_that_is_gone_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        open_oom_event(Place(1, str(tmp_path), "/gone", "/gone"))
    assert len(os.listdir("/proc/self/fd")) == before
