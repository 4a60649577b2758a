import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId
from brimwatch.procfs.statm import Statm
from brimwatch.sample.resident import ResidentFile, open_verified


def pages(size: int, resident: int, shared: int) -> Statm:
    from brimwatch.procfs.statm import PAGE

    return Statm(size * PAGE, resident * PAGE, shared * PAGE)


def test_sizes(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    assert resident.read() == pages(1000, 100, 10)


def test_the_same_text_is_not_parsed_again(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    assert resident.read() is resident.read()


def test_a_change_is_seen(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    resident.read()
    machine.statm(7, 1000, 200, 10)
    assert resident.read() == pages(1000, 200, 10)


def test_a_pid_that_belongs_to_another_process_by_now(machine):
    machine.process(7, start=100)
    with pytest.raises(ProcessLookupError):
        ResidentFile(machine.procfs, ProcessId(7, 99)).read()


def test_a_process_that_is_gone(machine):
    with pytest.raises(ProcessLookupError):
        ResidentFile(machine.procfs, ProcessId(8, 100)).read()
    with pytest.raises(ProcessLookupError):
        open_verified(machine.procfs, ProcessId(8, 100), "statm")


def test_a_kernel_thread_has_no_memory_and_is_not_gone(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    machine.statm(7, 0, 0, 0)
    assert resident.read() is None
    assert resident.read() is None


def test_a_process_on_its_way_out_and_back_from_exec(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    machine.statm(7, 0, 0, 0)
    assert resident.read() is None
    machine.statm(7, 500, 50, 5)
    assert resident.read() == pages(500, 50, 5)


def test_a_zombie_is_gone(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    machine.statm(7, 0, 0, 0)
    machine.statm(7, 0, 0, 0, thread=7)
    machine.stat(7, state="Z")
    with pytest.raises(ProcessLookupError):
        resident.read()


def test_a_zombie_whose_pid_was_used_again_meanwhile(machine):
    resident = ResidentFile(machine.procfs, machine.process(7))
    resident.read()
    machine.statm(7, 0, 0, 0)
    machine.stat(7, start=200)
    with pytest.raises(ProcessLookupError):
        resident.read()


class TestDeadLeader:
    """The first thread has ended, others live: zeros for the process, the truth for them."""

    @pytest.fixture
    def resident(self, machine):
        resident = ResidentFile(machine.procfs, machine.process(7))
        machine.stat(7, state="Z", threads=2)
        machine.statm(7, 0, 0, 0)
        machine.statm(7, 0, 0, 0, thread=7)
        machine.statm(7, 900, 90, 9, thread=8)
        return resident

    def test_a_live_thread_is_read_and_held(self, resident):
        assert resident.read() == pages(900, 90, 9)
        assert resident.thread == 8
        assert resident.read() == pages(900, 90, 9)

    def test_when_that_one_ends_another_is_found(self, resident, machine):
        resident.read()
        machine.statm(7, 0, 0, 0, thread=8)
        machine.statm(7, 900, 91, 9, thread=9)
        assert resident.read() == pages(900, 91, 9)

    def test_threads_on_their_way_out_leave_it_unknown(self, resident, machine):
        machine.statm(7, 0, 0, 0, thread=8)
        assert resident.read() is None

    def test_with_the_last_thread_it_is_gone(self, resident, machine):
        resident.read()
        machine.statm(7, 0, 0, 0, thread=8)
        task = machine.proc / "7" / "task" / "8"
        (task / "statm").unlink()
        task.rmdir()
        with pytest.raises(ProcessLookupError):
            resident.read()


@pytest.mark.parametrize("text", ["", "1 x 3\n"])
def test_malformed(machine, text: str):
    resident = ResidentFile(machine.procfs, machine.process(7))
    (machine.proc / "7" / "statm").write_text(text)
    with pytest.raises(MalformedProcFile):
        resident.read()
