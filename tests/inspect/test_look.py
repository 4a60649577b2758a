"""One look at a process made of files: what is found, what is missing, what it costs to be refused."""

import os
from pathlib import Path

import pytest

from brimwatch.inspect.found import Missing
from brimwatch.inspect.look import inspect_process
from brimwatch.inspect.report import Report, Sizes
from brimwatch.model import Limit

KIB = 1024
PID = 4242


def look(process, **options) -> Report:
    return inspect_process(PID, process.procfs, **options)


def test_every_size_is_found(process) -> None:
    found = look(process)

    assert found.sizes == Sizes(
        rss=400 * KIB, vms=4000 * KIB, anon=300 * KIB, file=90 * KIB, shmem=10 * KIB, swap=20 * KIB,
        peak_rss=500 * KIB, pss=350 * KIB, uss=310 * KIB,
    )  # fmt: skip
    assert found.missing == ()


def test_who_it_is_and_where_it_lives(process) -> None:
    origin = look(process).origin

    assert (origin.pid, origin.comm, origin.state, origin.ppid, origin.parent) == (PID, "app", "S", 1, None)
    assert (origin.cpu, origin.uid, origin.exe) == (3.0, 65534, "/usr/bin/app")
    assert (origin.unit, origin.container, origin.cgroup) == ("app.service", None, "/app.service")


def test_the_command_line_passes_the_redactor_with_its_arguments_apart(process) -> None:
    assert look(process, redact=lambda text: text.replace("abc", "***")).origin.cmdline == "app\0--token=***\0"


def test_names_pass_the_escaper(process) -> None:
    found = look(process, escape=str.upper)

    assert (found.origin.comm, found.origin.unit, found.origin.exe) == ("APP", "APP.SERVICE", "/USR/BIN/APP")
    assert [group.name for group in found.thread_groups] == ["APP", "WORKER-1"]
    assert found.mappings is not None
    assert [group.name for group in found.mappings.groups] == ["[HEAP]", "/USR/BIN/APP"]


def test_without_a_cgroup_limit_the_machine_is_the_limit(process) -> None:
    bounds = look(process).bounds

    assert (bounds.limit, bounds.headroom) == (Limit(1_000_000 * KIB, "machine"), 600_000 * KIB)
    assert (bounds.working_set, bounds.file_cache, bounds.oom_kills) == (600_000, 300_000, 3)
    assert (bounds.oom_score, bounds.signals, bounds.soft) == (666, ("USR1",), {"stack size": 8_388_608})


def test_a_cgroup_limit_below_the_machine_is_the_limit(process) -> None:
    process.charge(usage=900_000, inactive=300_000, limit="1000000")
    bounds = look(process).bounds

    assert (bounds.limit, bounds.headroom) == (Limit(1_000_000, "cgroup"), 400_000)


def test_a_cgroup_limit_above_the_machine_is_none(process) -> None:
    process.charge(usage=900_000, inactive=300_000, limit=str(2_000_000 * KIB))

    assert look(process).bounds.limit == Limit(1_000_000 * KIB, "machine")


def test_the_mappings_account_for_most_of_the_resident_set(process) -> None:
    found = look(process)

    assert found.complete_ratio == 390 / 400


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("smaps_rollup", "proportional and unique set"),
        ("smaps", "mappings"),
        ("limits", "resource limits"),
        ("oom_score", "OOM score"),
        ("cgroup", "cgroup"),
        ("status", "status"),
    ],
    ids=lambda value: f"without {value}" if "/" not in value else value,
)
def test_what_the_kernel_lacks_is_missing_and_all_else_is_there(process, file: str, what: str) -> None:
    os.unlink(process.proc / str(PID) / file)
    found = look(process)

    assert found.missing[0] == Missing(what, "this kernel has no such file")
    assert found.sizes.rss == 400 * KIB


def test_a_walk_that_never_ends_is_given_up(process) -> None:
    path = process.proc / str(PID) / "smaps"
    path.unlink()
    os.mkfifo(path)  # nobody writes: opening it waits for ever
    try:
        found = look(process, patience=0.1)
    finally:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))

    reason = "no answer within 0.1 s: its memory map is locked, by a stuck page fault perhaps"
    assert found.missing == (Missing("mappings", reason),)
    assert (found.sizes.pss, found.complete_ratio) == (350 * KIB, None)


def test_a_zombie_has_no_sizes(process) -> None:
    process.stat(state="Z", threads=1)
    os.unlink(process.proc / str(PID) / "task" / "4243" / "comm")
    os.rmdir(process.proc / str(PID) / "task" / "4243")
    found = look(process)

    reason = "a zombie: it has ended, and its parent has not asked how; it has no memory of its own"
    assert (found.sizes, found.mappings) == (Sizes(), None)
    assert found.missing == (Missing("sizes", reason),)


def test_a_dead_first_thread_is_looked_at_through_a_live_one(process) -> None:
    process.stat(state="Z", threads=2)
    for name in ("statm", "status", "smaps", "smaps_rollup", "cmdline"):
        process.write(f"task/4243/{name}", (process.proc / str(PID) / name).read_text())
        process.write(name, "")
    (process.proc / str(PID) / "task" / "4243" / "fd").mkdir()
    os.symlink("/usr/bin/app", process.proc / str(PID) / "task" / "4243" / "exe")
    found = look(process)

    assert (found.sizes.rss, found.sizes.pss, found.origin.exe) == (400 * KIB, 350 * KIB, "/usr/bin/app")
    assert found.missing == ()


def test_a_pid_that_was_used_again_meanwhile_is_no_report(process) -> None:
    def meanwhile(text: str) -> str:
        process.stat(start=101)
        return text

    with pytest.raises(ProcessLookupError):
        look(process, escape=meanwhile)


def test_no_process_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ProcessLookupError):
        inspect_process(PID, str(tmp_path))
