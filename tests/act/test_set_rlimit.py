"""Is a refused allocation a MemoryError in a real Python program, and is its limit put back, heirs included?"""

import asyncio
import os
import resource
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from tests.act.changing import MB, PAGE, Notes
from tests.act.processes import held, request_for
from tests.live.daemon_run import Grower, hoarder

from brimwatch.act.python_target import runs_python
from brimwatch.act.set_rlimit import FLOOR, Ceiling, run
from brimwatch.act.undo import LimitChange
from brimwatch.act.undo_rlimit import restore_data
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.procfs.status import read_status
from brimwatch.units import Bytes, Seconds

pytestmark = pytest.mark.live

PLUS_50 = Ceiling(Bytes(50 * MB))
UNLIMITED = resource.RLIM_INFINITY


def act(pid: int, options: object = PLUS_50, notes: Notes | None = None) -> tuple[Attempt, Notes]:
    notes = Notes() if notes is None else notes
    with held(pid) as recipients:
        request = replace(request_for(options, recipients, kind="rlimit"), brakes=notes)
        return asyncio.run(run(request)), notes


def limits(pid: int) -> tuple[int, int]:
    return resource.prlimit(pid, resource.RLIMIT_DATA)


def told(attempt: Attempt) -> tuple[Verdict, Reason | None]:
    return attempt.verdict, attempt.reason


def put_back(notes: Notes) -> str:
    (change,) = notes.changes
    assert isinstance(change, LimitChange)
    return restore_data(change, "/proc").detail


def child_of(target: Grower) -> int:
    assert target.process.stdin is not None
    assert target.process.stdout is not None
    target.process.stdin.write("child\n")
    target.process.stdin.flush()
    return int(target.process.stdout.readline().split()[-1])


def test_a_growing_program_meets_a_memory_error_lives_on_and_may_grow_again_afterwards(spawn: Any) -> None:
    target = hoarder(spawn)
    target.say("hold 30")
    attempt, notes = act(target.pid)
    soft, hard = limits(target.pid)
    data = read_status("/proc", target.pid).vm_data
    assert data is not None
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.settled
    assert 50 * MB <= soft - data <= 50 * MB + 2 * PAGE
    assert hard == UNLIMITED
    assert soft % PAGE != 0

    target.say("grow 400")
    target.expect("MemoryError")
    assert target.process.poll() is None
    assert put_back(notes) == "RLIMIT_DATA is unlimited again"
    assert limits(target.pid) == (UNLIMITED, UNLIMITED)
    target.say("hold 150")


def test_what_it_started_meanwhile_gets_its_limit_back_as_well(spawn: Any) -> None:
    target = hoarder(spawn)
    before = child_of(target)
    _, notes = act(target.pid)
    heir = child_of(target)
    assert (limits(before)[0], limits(heir)) == (UNLIMITED, limits(target.pid))
    assert put_back(notes).endswith("; the same for 1 process that it started")
    assert [limits(pid)[0] for pid in (target.pid, before, heir)] == [UNLIMITED] * 3


def test_an_heir_of_a_process_that_is_gone_gets_its_limit_back(spawn: Any) -> None:
    program = "import os, sys; input(); pid = os.fork()\nif pid: print(pid, flush=True); sys.exit()\nsys.stdin.read()"
    target = spawn([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    _, notes = act(target.pid)
    target.stdin.write(b"\n")
    target.stdin.flush()
    heir = int(target.stdout.readline())
    target.wait()
    assert limits(heir)[0] != UNLIMITED
    assert put_back(notes) == "the process is gone; the same for 1 process that it started"
    assert limits(heir)[0] == UNLIMITED
    (change,) = notes.changes
    assert isinstance(change, LimitChange)
    assert restore_data(change, "/proc").gone


def test_somebody_elses_value_is_left_alone(spawn: Any) -> None:
    target = hoarder(spawn)
    _, notes = act(target.pid)
    resource.prlimit(target.pid, resource.RLIMIT_DATA, (500 * MB, UNLIMITED))
    assert put_back(notes) == "RLIMIT_DATA is 500.0 MB, set by somebody else meanwhile, and is left alone"
    assert limits(target.pid)[0] == 500 * MB


def test_a_hard_limit_that_was_lowered_meanwhile_bounds_what_comes_back(spawn: Any) -> None:
    target = hoarder(spawn)
    _, notes = act(target.pid)
    resource.prlimit(target.pid, resource.RLIMIT_DATA, (limits(target.pid)[0], 900 * MB))
    assert put_back(notes) == "RLIMIT_DATA is 900.0 MB again"
    assert limits(target.pid) == (900 * MB, 900 * MB)


def test_a_tighter_limit_of_its_own_is_left(spawn: Any) -> None:
    target = hoarder(spawn)
    resource.prlimit(target.pid, resource.RLIMIT_DATA, (60 * MB, UNLIMITED))
    attempt, notes = act(target.pid, Ceiling(Bytes(500 * MB)))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.BUSY)
    assert "60.0 MB already, which is tighter" in attempt.detail
    assert (limits(target.pid)[0], notes.begun) == (60 * MB, [])


def test_a_ceiling_leaves_room_for_the_handler(spawn: Any) -> None:
    target = hoarder(spawn)
    act(target.pid, Ceiling(Bytes(1)))
    data = read_status("/proc", target.pid).vm_data
    assert data is not None
    assert limits(target.pid)[0] - data >= FLOOR


def test_another_language_is_left_alone_unless_forced(spawn: Any) -> None:
    other = spawn(["/bin/sleep", "60"])
    attempt, notes = act(other.pid)
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.UNSUPPORTED)
    assert "runs no Python" in attempt.detail
    assert limits(other.pid)[0] == UNLIMITED

    attempt, notes = act(other.pid, Ceiling(Bytes(50 * MB), force=True))
    assert told(attempt) == (Verdict.RUN, None)
    assert put_back(notes) == "RLIMIT_DATA is unlimited again"


def test_without_a_record_nothing_is_changed(spawn: Any) -> None:
    target = hoarder(spawn)
    attempt, _ = act(target.pid, notes=Notes(refuses=Reason.DENIED))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.DENIED)
    assert limits(target.pid)[0] == UNLIMITED


def test_a_process_that_ends_between_record_and_change_leaves_no_record(spawn: Any) -> None:
    target = hoarder(spawn)

    def end() -> None:
        target.process.kill()
        target.process.wait()

    attempt, notes = act(target.pid, notes=Notes(meanwhile=end))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.VANISHED)
    assert notes.changes == []


def test_several_recipients_are_summed_up_and_no_two_values_are_alike(spawn: Any) -> None:
    targets = [hoarder(spawn) for _ in range(6)]
    notes = Notes()
    with held(*(target.pid for target in targets)) as recipients:
        attempt = asyncio.run(run(replace(request_for(PLUS_50, recipients, kind="rlimit"), brakes=notes)))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail.endswith("; and 2 more")
    assert len({limits(target.pid)[0] for target in targets}) == 6
    assert notes.lasts == [None] * 6


def test_a_max_is_handed_on(spawn: Any) -> None:
    _, notes = act(hoarder(spawn).pid, Ceiling(Bytes(50 * MB), Seconds(30.0)))
    assert notes.lasts == [30.0]


def test_python_is_known_by_its_executable_or_its_library(spawn: Any) -> None:
    assert runs_python(os.getpid(), "/proc")
    assert not runs_python(spawn(["/bin/sleep", "60"]).pid, "/proc")
    with pytest.raises(ProcessLookupError):
        runs_python(1 << 22, "/proc")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as another user")
def test_another_users_process_is_denied(spawn: Any) -> None:
    target = hoarder(spawn)
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.act.test_set_rlimit import act, told\n"
        "from brimwatch.act.set_rlimit import Ceiling\n"
        "os.setgid(65534); os.setuid(65534)\n"  # now: that user may not read this interpreter's modules
        "attempt, notes = act(int(sys.argv[1]), Ceiling(50_000_000, force=True)); print(*told(attempt), notes.changes)"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    words = [sys.executable, "-c", program, str(target.pid), root]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip() == "failed denied []", answer.stderr
    assert limits(target.pid)[0] == UNLIMITED
