import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.act.changing import MB, PAGE, FakeCgroups, Notes, living
from tests.act.processes import request_for

from brimwatch.act import cgroup_write
from brimwatch.act.brake import MARGIN, Brake
from brimwatch.act.squeeze import Squeeze
from brimwatch.act.undo import CgroupChange
from brimwatch.act.write_cgroup import run
from brimwatch.model import Attempt, ProcessId, Reason, Verdict
from brimwatch.units import Bytes, Seconds

A, B = 4000001, 4000002
BRAKE = Brake(0.98, True, Seconds(10.0))


@pytest.fixture
def cgroups(tmp_path: Path) -> FakeCgroups:
    return FakeCgroups(tmp_path)


def act(
    cgroups: FakeCgroups,
    *processes: ProcessId,
    options: object = BRAKE,
    notes: Notes | None = None,
    family: frozenset[int] = frozenset({A, B}),
) -> Attempt:
    with living(*processes) as recipients:
        request = request_for(options, recipients, kind="cgroup", procfs=cgroups.procfs)
        request = replace(request, brakes=Notes() if notes is None else notes, family=family)
        return asyncio.run(run(request, kinds=frozenset()))


def high(folder: Path) -> str:
    return (folder / "memory.high").read_text().strip()


def told(attempt: Attempt) -> tuple[Verdict, Reason | None]:
    return attempt.verdict, attempt.reason


def test_a_brake_is_a_share_of_the_limit_in_whole_pages_recorded_first(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    seen: list[str] = []
    notes = Notes(meanwhile=lambda: seen.append(high(folder)))
    attempt = act(cgroups, cgroups.process(A), notes=notes)

    wanted = -(-392 * MB // PAGE) * PAGE
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.settled
    assert seen == ["max"]
    assert high(folder) == str(wanted)
    (change,) = notes.changes
    assert isinstance(change, CgroupChange)
    assert (change.ours, change.before, change.inode) == (wanted, None, folder.stat().st_ino)
    assert notes.lasts == [10.0]
    assert "memory.high 392.0 MB for 10.0s; was max, usage 300.0 MB, cgroup /app" in attempt.detail


@pytest.mark.parametrize(
    ("options", "usage", "limit", "wanted"),
    [
        pytest.param(Brake(0.5, True, Seconds(1.0)), 300 * MB, 400 * MB, 300 * MB + MARGIN, id="never below the usage"),
        pytest.param(Brake(350 * MB, False, Seconds(1.0)), 300 * MB, 400 * MB, 350 * MB, id="a size is taken as it is"),
        pytest.param(Brake(350 * MB, False, Seconds(1.0)), 300 * MB, None, 350 * MB, id="a size needs no limit"),
        pytest.param(Brake(0.5, True, Seconds(1.0)), 300 * MB, None, 500_000_256, id="a share of the machine's memory"),
    ],
)
def test_what_is_set(cgroups: FakeCgroups, options: Brake, usage: int, limit: int | None, wanted: int) -> None:
    folder = cgroups.cgroup("/app", usage, limit, None, A)
    assert told(act(cgroups, cgroups.process(A), options=options)) == (Verdict.RUN, None)
    assert int(high(folder)) == -(-wanted // PAGE) * PAGE


def test_the_usage_is_read_again_after_the_record_and_a_value_that_it_passed_is_not_set(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 900 * MB, None, A)
    risen = iter((305 * MB, 306 * MB))
    notes = Notes(meanwhile=lambda: (folder / "memory.current").write_text(str(next(risen))))
    attempt = act(cgroups, cgroups.process(A), options=Brake(0.1, True, Seconds(1.0)), notes=notes)
    assert told(attempt) == (Verdict.RUN, None)
    assert (len(notes.begun), len(notes.abandoned)) == (2, 1)
    assert int(high(folder)) == -(-(305 * MB + 2 * MARGIN) // PAGE) * PAGE


def test_a_usage_that_outruns_every_try_is_left_alone(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 4000 * MB, None, A)
    current = folder / "memory.current"
    notes = Notes(meanwhile=lambda: current.write_text(str(int(current.read_text()) + 100 * MB)))
    attempt = act(cgroups, cgroups.process(A), options=Brake(0.01, True, Seconds(1.0)), notes=notes)
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert notes.changes == []
    assert high(folder) == "max"


@pytest.mark.parametrize(
    ("options", "usage", "before", "reason", "why"),
    [
        pytest.param(BRAKE, 399_500_000, None, Reason.CONDITION, "no room for a brake", id="no room below the limit"),
        pytest.param(
            Brake(500 * MB, False, Seconds(1.0)), 300 * MB, None, Reason.CONDITION, "500.0 MB were asked for",
            id="wanted above the limit",
        ),
        pytest.param(BRAKE, 300 * MB, 350 * MB, Reason.BUSY, "350.0 MB already, which is tighter", id="somebody's own"),
    ],
)  # fmt: skip
def test_a_brake_that_would_slow_nothing_or_loosen_is_not_set(
    cgroups: FakeCgroups, options: Brake, usage: int, before: int | None, reason: Reason, why: str
) -> None:
    folder = cgroups.cgroup("/app", usage, 400 * MB, before, A)
    notes = Notes()
    attempt = act(cgroups, cgroups.process(A), options=options, notes=notes)
    assert told(attempt) == (Verdict.SUPPRESSED, reason)
    assert why in attempt.detail
    assert high(folder) == ("max" if before is None else str(before))
    assert notes.begun == []


def test_without_a_record_nothing_is_changed(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    attempt = act(cgroups, cgroups.process(A), notes=Notes(refuses=Reason.DENIED))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.DENIED)
    assert high(folder) == "max"


def test_members_of_one_cgroup_are_braked_once(cgroups: FakeCgroups) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A, B)
    notes = Notes()
    attempt = act(cgroups, cgroups.process(A), cgroups.process(B), notes=notes)
    assert told(attempt) == (Verdict.RUN, None)
    assert len(notes.begun) == 1


def test_each_cgroup_of_a_group_is_braked(cgroups: FakeCgroups) -> None:
    folders = [cgroups.cgroup("/a", 300 * MB, 400 * MB, None, A), cgroups.cgroup("/b", 100 * MB, 200 * MB, None, B)]
    attempt = act(cgroups, cgroups.process(A, "/a"), cgroups.process(B, "/b"))
    assert told(attempt) == (Verdict.RUN, None)
    assert [high(folder) == "max" for folder in folders] == [False, False]


def test_a_process_that_has_exited_is_said_to_have_vanished(cgroups: FakeCgroups) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    cgroups.process(A)
    assert told(act(cgroups, ProcessId(A, 99))) == (Verdict.SUPPRESSED, Reason.VANISHED)
    assert told(act(cgroups)) == (Verdict.SUPPRESSED, Reason.VANISHED)


def test_a_cgroup_that_was_removed_is_said_to_have_vanished(cgroups: FakeCgroups) -> None:
    assert told(act(cgroups, cgroups.process(A, "/gone"))) != (Verdict.RUN, None)


def test_the_root_cgroup_is_never_written_to(cgroups: FakeCgroups) -> None:
    attempt = act(cgroups, cgroups.process(A, "/"))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.PROTECTED)
    assert "root cgroup" in attempt.detail


def test_cgroup_v1_has_no_brake(cgroups: FakeCgroups) -> None:
    cgroups.mounted("cgroup", "rw,memory")
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    process = cgroups.process(A, hierarchy="4:memory")
    attempt = act(cgroups, process)
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.UNSUPPORTED)
    assert "memory.soft_limit_in_bytes" in attempt.detail
    squeezed = act(cgroups, process, options=Squeeze(Bytes(50 * MB)))
    assert told(squeezed) == (Verdict.SUPPRESSED, Reason.UNSUPPORTED)
    assert "memory.reclaim" in squeezed.detail
    assert "soft_limit" not in squeezed.detail


@pytest.mark.parametrize(
    ("number", "why"),
    [
        pytest.param(errno.EROFS, "ProtectControlGroups", id="a read-only mount"),
        pytest.param(errno.EACCES, "delegated", id="another user's cgroup"),
    ],
)
def test_what_may_not_be_written_is_denied_and_its_record_taken_away(
    cgroups: FakeCgroups, monkeypatch: pytest.MonkeyPatch, number: int, why: str
) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    process = cgroups.process(A)
    notes = Notes()

    def refuse(descriptor: int, text: bytes) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(cgroup_write, "write", refuse)
        attempt = act(cgroups, process, notes=notes)
    assert told(attempt) == (Verdict.FAILED, Reason.DENIED)
    assert why in attempt.detail
    assert notes.changes == []


def test_a_squeeze_asks_for_pieces_until_the_sum_is_reached(cgroups: FakeCgroups, monkeypatch: Any) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    process = cgroups.process(A)
    asked: list[int] = []

    def note(descriptor: int, text: bytes) -> int:
        asked.append(int(text))
        return len(text)

    with monkeypatch.context() as patch:
        patch.setattr(cgroup_write, "write", note)
        attempt = act(cgroups, process, options=Squeeze(Bytes(50 * MB)))
    assert told(attempt) == (Verdict.RUN, None)
    assert not attempt.settled
    assert (sum(asked), len(asked)) == (50 * MB, 3)
    assert "50.0 MB asked of /app: usage 300.0 MB, then 300.0 MB" in attempt.detail


def test_a_squeeze_asks_for_no_more_than_is_used(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 3 * MB, 400 * MB, None, A)
    attempt = act(cgroups, cgroups.process(A), options=Squeeze(Bytes(50 * MB)))
    assert told(attempt) == (Verdict.RUN, None)
    assert (folder / "memory.reclaim").read_text() == str(3 * MB)


def test_a_squeeze_that_got_less_is_no_failure_and_says_so(cgroups: FakeCgroups, monkeypatch: Any) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    process = cgroups.process(A)

    def less(descriptor: int, text: bytes) -> int:
        raise BlockingIOError(errno.EAGAIN, "try again")

    with monkeypatch.context() as patch:
        patch.setattr(cgroup_write, "write", less)
        attempt = act(cgroups, process, options=Squeeze(Bytes(50 * MB)))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail.endswith("the kernel found no more")


def test_a_kernel_without_reclaim_is_unsupported(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    (folder / "memory.reclaim").unlink()
    attempt = act(cgroups, cgroups.process(A), options=Squeeze(Bytes(50 * MB)))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.UNSUPPORTED)
    assert "Linux 5.19" in attempt.detail


@pytest.mark.parametrize("options", [pytest.param(BRAKE, id="brake"), pytest.param(Squeeze(Bytes(MB)), id="squeeze")])
@pytest.mark.parametrize(
    ("pids", "family", "who"),
    [
        pytest.param((A, B), {A}, f"process {B}", id="a process of somebody else"),
        pytest.param((A, 0), {A}, "another PID namespace", id="a process that has no number here"),
        pytest.param((A, os.getpid()), {A, os.getpid()}, "Brimwatch itself", id="Brimwatch, though it be a member"),
    ],
)
def test_a_shared_cgroup_is_protected(
    cgroups: FakeCgroups, options: object, pids: tuple[int, ...], family: set[int], who: str
) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A)
    cgroups.cgroup("/app/below", 300 * MB, 400 * MB, None, *pids)
    process = cgroups.process(A)
    cgroups.process(B)
    attempt = act(cgroups, process, options=options, family=frozenset(family))
    assert told(attempt) == (Verdict.SUPPRESSED, Reason.PROTECTED)
    assert who in attempt.detail
    assert high(folder) == "max"


def test_force_brakes_others_too_but_never_brimwatch(cgroups: FakeCgroups) -> None:
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A, B)
    process = cgroups.process(A)
    cgroups.process(B)
    forced = Brake(0.98, True, Seconds(1.0), force=True)
    assert told(act(cgroups, process, options=forced, family=frozenset({A}))) == (Verdict.RUN, None)
    folder = cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A, os.getpid())
    assert told(act(cgroups, process, options=forced)) == (Verdict.SUPPRESSED, Reason.PROTECTED)
    assert high(folder) == "max"


def test_what_a_member_has_started_is_the_targets_own(cgroups: FakeCgroups) -> None:
    cgroups.cgroup("/app", 300 * MB, 400 * MB, None, A, B)
    process = cgroups.process(A)
    cgroups.process(B, parent=A)
    assert told(act(cgroups, process, family=frozenset({A}))) == (Verdict.RUN, None)
