import pytest

from brimwatch.discover.table import ROTATION, ProcessTable
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat


@pytest.fixture
def table(proc, clock):
    return ProcessTable(proc.path, clock.births())


def numbers(rows):
    return [row.identity.pid for row in rows]


def test_each_process_is_new_once(table, proc):
    proc.add(10)
    assert numbers(table.scan(0.0).new) == [10]
    proc.add(11)
    assert numbers(table.scan(1.0).new) == [11]
    assert not any(table.scan(2.0))


def test_a_process_that_is_gone_is_told_once(table, proc):
    proc.add(10), proc.add(11)
    table.scan(0.0)
    proc.remove(10)
    assert numbers(table.scan(1.0).gone) == [10]
    assert not any(table.scan(2.0))
    assert list(table.rows) == [11]


def test_a_pid_that_is_used_again_is_another_process(table, proc):
    proc.add(10, start=1000)
    old = table.scan(0.0).new[0]
    proc.add(10, start=2000)
    changes = table.scan(1.0)
    assert [ProcessId(10, 1000)] == [row.identity for row in changes.gone]
    assert [ProcessId(10, 2000)] == [row.identity for row in changes.new]
    assert table.rows[10] is not old


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"comm": "other"}, id="another name"),
        pytest.param({"stack": 150_000_000}, id="an exec of the same program"),
        pytest.param({"ppid": 7}, id="another parent"),
        pytest.param({"state": "Z"}, id="death"),
    ],
)
def test_what_matters_is_a_change_of_the_same_process(table, proc, change):
    proc.add(10)
    row = table.scan(0.0).new[0]
    proc.add(10, **change)
    changes = table.scan(1.0)
    assert ((), (), (row,)) == changes
    assert table.rows[10] is row


@pytest.mark.parametrize("change", [{"state": "R"}, {"threads": 9}])
def test_what_does_not_matter_is_none(table, proc, change):
    proc.add(10)
    table.scan(0.0)
    proc.add(10, **change)
    assert not any(table.scan(1.0))


def test_a_leader_that_ends_while_its_threads_live_is_no_exec(table, proc):
    proc.add(10, threads=3)
    table.scan(0.0)
    proc.add(10, threads=3, state="Z", stack=0)
    assert not any(table.scan(1.0))
    assert not table.rows[10].dead


def test_orphans_have_their_new_parent_in_the_pass_that_misses_the_old_one(table, proc):
    proc.add(10), proc.add(11, ppid=10)
    table.scan(0.0)
    proc.remove(10)
    proc.add(11, ppid=1)
    assert numbers(table.scan(1.0).changed) == [11]
    assert table.rows[11].ppid == 1


def test_orphans_are_read_even_when_it_is_not_their_turn(table, proc):
    for pid in range(20, 30):
        proc.add(pid, ppid=10)
    proc.add(10)
    table._inodes_tell = True
    table.scan(0.0)
    proc.remove(10)
    for pid in range(20, 30):
        text = (proc.root / str(pid) / "stat").read_text()
        (proc.root / str(pid) / "stat").write_text(text.replace(" S 10 ", " S 1 "))
    assert [*range(20, 30)] == sorted(numbers(table.scan(20.0).changed))


def test_other_entries_and_broken_files_are_passed_over(table, proc):
    proc.add(10)
    (proc.root / "self").symlink_to("10")
    (proc.root / "sys").mkdir()
    (proc.root / "12").mkdir()  # gone before its stat was read
    (proc.root / "13").mkdir()
    (proc.root / "13" / "stat").write_bytes(b"13 (half")
    assert numbers(table.scan(0.0).new) == [10]
    assert table.own_pid == 10


def test_a_broken_process_is_found_once_it_reads_well(table, proc):
    (proc.root / "12").mkdir()
    table.scan(0.0)
    proc.add(12)
    assert numbers(table.scan(1.0).new) == [12]


def test_a_tree_that_does_not_show_us_has_no_own_pid(table):
    assert table.own_pid is None


def test_a_procfs_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        ProcessTable(str(tmp_path / "none"))


@pytest.fixture
def reads(monkeypatch):
    """PIDs whose `stat` was read since the list was last emptied."""
    seen: list[int] = []

    def counted(procfs, pid):
        seen.append(pid)
        return read_stat(procfs, pid)

    monkeypatch.setattr("brimwatch.discover.table.read_stat", counted)
    return seen


@pytest.fixture
def trusting(table):
    """As on a real procfs, where an inode number that stays means the same process."""
    table._inodes_tell = True
    return table


def test_old_processes_are_read_in_turns_each_at_least_once_a_rotation(trusting, proc, reads):
    for pid in range(100, 140):
        proc.add(pid)
    trusting.scan(0.0)
    reads.clear()
    per_pass = []
    for number in range(1, ROTATION + 1):
        before = len(reads)
        trusting.scan(20.0 + number)
        per_pass.append(len(reads) - before)
    assert set(range(100, 140)) == set(reads)
    assert max(per_pass) <= 40 // ROTATION + 1


def test_young_processes_are_read_at_each_pass_until_they_are_ten_seconds_old(trusting, proc, reads, clock):
    proc.add(ROTATION * 10 + 1, start=int(clock.uptime * 100) - 400)  # four seconds old; never its turn in pass 2 or 3
    trusting.scan(0.0)
    reads.clear()
    trusting.scan(5.9)
    assert len(reads) == 1
    trusting.scan(6.1)
    assert len(reads) == 1


def test_those_that_are_watched_closely_are_read_at_each_pass(trusting, proc, reads):
    for pid in range(100, 140):
        proc.add(pid)
    trusting.scan(0.0)
    reads.clear()
    for number in range(1, ROTATION + 1):
        trusting.scan(20.0 + number, closely=(105, 999))
    assert (reads.count(105), reads.count(106)) == (ROTATION, 1)


def test_a_new_inode_number_makes_a_process_be_read_at_once(trusting, proc, reads):
    proc.add(101)
    trusting.scan(0.0)
    (proc.root / "101").rename(proc.root.parent / "old")  # so that its number is not used again at once
    proc.add(101, start=2000)
    reads.clear()
    trusting.scan(20.0)
    assert trusting.rows[101].identity.start_ticks == 2000


def test_a_new_inode_number_alone_is_no_other_process(trusting, proc, reads):
    proc.add(101)
    trusting.scan(0.0)
    (proc.root / "101").rename(proc.root.parent / "old")
    proc.add(101)  # as after the kernel, short of memory, let go of its inode
    reads.clear()
    assert not any(trusting.scan(20.0))
    assert 101 in reads


def test_threads_of_the_kernel_are_read_once(trusting, proc, reads):
    proc.add(100, comm="kworker/0:1", flags=0x208040, ppid=2)
    trusting.scan(0.0)
    for number in range(2 * ROTATION):
        trusting.scan(20.0 + number)
    assert reads == [100]


def test_a_process_that_the_listing_passed_over_is_not_gone(table, proc, monkeypatch):
    proc.add(10)
    table.scan(0.0)
    hidden = proc.root.parent / "hidden"
    hidden.mkdir()
    real, looks = ProcessTable._compare, []

    def compare(self, now):
        looks.append(now)
        self.procfs = str(hidden)
        listing = real.__globals__["os"].scandir
        monkeypatch.setattr("os.scandir", lambda _path: listing(str(hidden)))
        self.procfs = proc.path
        real(self, now)
        monkeypatch.setattr("os.scandir", listing)

    monkeypatch.setattr(ProcessTable, "_compare", compare)
    assert not any(table.scan(1.0))
    assert (looks, list(table.rows)) == ([1.0], [10])


def test_a_process_whose_stat_is_refused_is_counted(table, proc, monkeypatch):
    proc.add(10), proc.add(11)

    def refuse(procfs, pid):
        if pid == 11:
            raise PermissionError
        return read_stat(procfs, pid)

    monkeypatch.setattr("brimwatch.discover.table.read_stat", refuse)
    assert numbers(table.scan(0.0).new) == [10]
    assert table.unreadable == 1
    proc.remove(11)
    table.scan(1.0)
    assert table.unreadable == 0


def test_out_of_descriptors_nobody_is_lost_and_the_next_pass_tries_again(table, proc, monkeypatch):
    proc.add(10)
    table.scan(0.0)
    proc.add(11)

    def exhausted(procfs, pid):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("brimwatch.discover.table.read_stat", exhausted)
        assert not any(table.scan(1.0))
    assert numbers(table.scan(2.0).new) == [11]
    assert {10, 11} == set(table.rows)
