import os

import pytest

from brimwatch.procfs.fd import count_descriptors, size_is_count


def fake(tmp_path, entries: int):
    directory = tmp_path / "7" / "fd"
    directory.mkdir(parents=True)
    for number in range(entries):
        (directory / str(number)).touch()


def test_entries_are_counted_where_the_size_means_nothing(tmp_path):
    fake(tmp_path, 5)
    assert not size_is_count(str(tmp_path))
    assert count_descriptors(str(tmp_path), 7) == 5


def test_a_live_thread_stands_in_for_its_leader(tmp_path):
    directory = tmp_path / "7" / "task" / "9" / "fd"
    directory.mkdir(parents=True)
    (directory / "0").touch()
    assert count_descriptors(str(tmp_path), 7, thread=9) == 1


def test_a_process_that_is_not_there(tmp_path):
    with pytest.raises(ProcessLookupError):
        count_descriptors(str(tmp_path), 7)


@pytest.mark.live
def test_one_more_is_one_more():
    before = count_descriptors("/proc", os.getpid())
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        assert count_descriptors("/proc", os.getpid()) == before + 1
    finally:
        os.close(descriptor)


@pytest.mark.live
def test_the_size_is_believed_only_where_the_listing_agrees():
    listed = len(os.listdir("/proc/self/fd")) - 1  # without the listing's own
    size = os.stat("/proc/self/fd").st_size
    assert size_is_count("/proc") == (size == listed)
