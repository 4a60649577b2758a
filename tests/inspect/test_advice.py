"""Advice: each sentence where the figures carry it, and silence where they do not."""

from dataclasses import replace
from typing import Any

import pytest

from brimwatch.inspect.advice import advise
from brimwatch.inspect.report import Bounds, Mappings, Origin, Report, Sizes, ThreadGroup
from brimwatch.model import Limit
from brimwatch.units import Bytes, Seconds

MB = 1_000_000
ORIGIN = Origin(7, "app", "app", "S", False, 1, "init", Seconds(60.0), Seconds(1.0), exe="/usr/bin/app")


def report(
    origin: dict[str, Any] | None = None, threads: int = 4, groups: tuple[ThreadGroup, ...] = (), **facts: Any
) -> Report:
    sizes = {name: facts.pop(name) for name in tuple(facts) if name in Sizes.__slots__}
    mapped = {"huge": facts.pop("huge", 0), "freed": facts.pop("freed", 0)}
    bounds = Bounds(**({"limit": Limit(Bytes(1000 * MB), "cgroup"), "headroom": Bytes(500 * MB)} | facts))
    mappings = Mappings(1, 1, (), Bytes(300 * MB), Bytes(mapped["huge"]), Bytes(mapped["freed"]), True)
    held = Sizes(**({"rss": 300 * MB, "anon": 250 * MB, "vms": 400 * MB, "swap": 0} | sizes))
    return Report(replace(ORIGIN, **(origin or {})), held, bounds, threads, groups, mappings)


def test_a_process_without_a_fault_gets_no_advice() -> None:
    assert advise(report()) == ()


def test_a_process_of_which_nothing_is_known_gets_no_advice() -> None:
    assert advise(Report(ORIGIN, Sizes(), Bounds(), 1)) == ()


MACHINE = {"limit": Limit(Bytes(1000 * MB), "machine")}
SPOKEN = [
    (
        "near a cgroup's limit the rest is named",
        report(headroom=100 * MB),
        "100.0 MB are left below the cgroup's limit of 1.0 GB: raise it, or get memory back now.",
    ),
    (
        "above a limit that was lowered nothing is left",
        report(headroom=-5 * MB),
        "0 B are left below the cgroup's limit of 1.0 GB: raise it, or get memory back now.",
    ),
    (
        "near the machine's end the killer is named",
        report(headroom=50 * MB, rss=50 * MB, **MACHINE),
        "50.0 MB of the machine's 1.0 GB are left: the next to ask for more may wake the OOM killer.",
    ),
    (
        "page cache is told from a leak",
        report(usage=800 * MB, file_cache=300 * MB),
        (
            "300.0 MB of the cgroup's 800.0 MB are page cache that the kernel drops by itself before it kills: no "
            "leak, nothing to win."
        ),
    ),
    (
        "swap adds to what is held",
        report(swap=200 * MB),
        "200.0 MB of it are in swap: the resident set understates what it holds by that much.",
    ),
    (
        "memory given back lazily still counts",
        report(freed=100 * MB),
        (
            "100.0 MB of the resident set were already given back (MADV_FREE): the kernel takes them when it needs "
            "them, and only then does the resident set fall."
        ),
    ),
    (
        "huge pages are named where they are much of it",
        report(huge=200 * MB),
        (
            "200.0 MB of 250.0 MB anonymous memory lie in huge pages: where the program frees single objects, 2 MiB "
            "stay resident for the last one. Compare with transparent huge pages off."
        ),
    ),
    (
        "shared memory is held by others too",
        report(shmem=100 * MB),
        (
            "100.0 MB of the resident set are shared memory (tmpfs, memfd, shared anonymous): it counts in every "
            "process that touched it, and stays as long as anyone holds it."
        ),
    ),
    (
        "a large pool is named",
        report(threads=300, groups=(ThreadGroup("worker-N", 290),), soft={"stack size": 8 * MB}),
        (
            "290 of 300 threads are named 'worker-N', by default up to 8.0 MB of addresses each for its stack: if "
            "their number grows, bound that pool."
        ),
    ),
    (
        "descriptors that run out are named",
        report(open_files=1000, soft={"open files": 1024}),
        "1,000 of at most 1,024 files are open: the next failures may not be about memory at all.",
    ),
    (
        "a peak far above now is named",
        report(peak_rss=900 * MB),
        "It has held 900.0 MB, 600.0 MB more than now: a limit between the two would have ended it.",
    ),
    (
        "kills in the cgroup are named",
        report(oom_kills=2),
        "The kernel has killed 2 processes of this cgroup for want of memory.",
    ),
    (
        "a large process without a limit is named",
        report(**MACHINE),
        (
            "No cgroup bounds it, and it holds 30.0 % of the machine: a limit would make it fail alone instead of "
            "taking others along."
        ),
    ),
    (
        "a loose virtual set is called harmless",
        report(vms=90_300 * MB),
        (
            "The virtual set is 301 times the resident one: 90.0 GB of reserved addresses without pages behind them. "
            "Harmless: no limit counts them."
        ),
    ),
    (
        "a loose virtual set under a limit on addresses is not",
        report(vms=90_300 * MB, soft={"address space": 100_000 * MB}),
        (
            "The virtual set is 301 times the resident one: 90.0 GB of reserved addresses without pages behind them. "
            "Harmless: only the limit on the address space (100.0 GB) counts them."
        ),
    ),
    (
        "a process that is never killed lets others die",
        report(oom_score_adj=-1000),
        "The OOM killer never takes it (oom_score_adj -1000): others are killed in its place.",
    ),
    (
        "a program that was replaced is named",
        report({"exe": "/usr/bin/app (deleted)"}),
        "Its program file was replaced or removed since it started: a restart runs another version.",
    ),
]


@pytest.mark.parametrize(("found", "sentence"), [case[1:] for case in SPOKEN], ids=[case[0] for case in SPOKEN])
def test_advice_is_what_the_figures_prove(found: Report, sentence: str) -> None:
    assert advise(found) == (sentence,)


SILENT = [
    ("just above a tenth of the limit is not near", report(headroom=101 * MB)),
    ("a little page cache is nothing to speak of", report(usage=800 * MB, file_cache=190 * MB)),
    ("a little swap is nothing to speak of", report(swap=10 * MB)),
    ("a peak a little above now is nothing to speak of", report(peak_rss=440 * MB)),
    ("many threads of many names are no pool", report(threads=100, groups=(ThreadGroup("a", 8), ThreadGroup("b", 8)))),
    ("few threads of one name are no large pool", report(threads=40, groups=(ThreadGroup("a", 40),))),
    ("a small process needs no limit of its own", report(rss=90 * MB, vms=100 * MB, anon=80 * MB, **MACHINE)),
    ("no kill is nothing to speak of", report(oom_kills=0)),
]


@pytest.mark.parametrize("found", [case[1] for case in SILENT], ids=[case[0] for case in SILENT])
def test_advice_is_silent_below_what_matters(found: Report) -> None:
    assert advise(found) == ()
