"""The page for people and the object for programs."""

import json
from dataclasses import replace

from brimwatch.inspect.found import Missing
from brimwatch.inspect.json_form import to_json
from brimwatch.inspect.report import Bounds, MappingGroup, Mappings, Origin, Report, Sizes, ThreadGroup
from brimwatch.inspect.text_form import render_text
from brimwatch.model import Limit
from brimwatch.units import Bytes, Seconds

MB = 1_000_000


def size(millions: float) -> Bytes:
    return Bytes(round(millions * MB))


def mapping(name: str, number: int, rss: float) -> MappingGroup:
    return MappingGroup(name, number, size(rss), size(rss / 2), Bytes(0), size(rss * 2))


REPORT = Report(
    origin=Origin(
        pid=4242, comm="gunicorn", cmdline="gunicorn --workers 4 shop.wsgi", state="S", kernel_thread=False, ppid=17,
        parent="gunicorn", age=Seconds(7500.0), cpu=Seconds(93.4), uid=1000, user="shop",
        exe="/usr/bin/python3.11", unit="shop.service", container="3f2a" * 16, cgroup="/system.slice/shop.service",
    ),
    sizes=Sizes(
        rss=size(690), vms=size(2100), anon=size(650), file=size(40), shmem=Bytes(0), swap=size(12),
        peak_rss=size(702), pss=size(660), uss=None,
    ),
    bounds=Bounds(
        limit=Limit(size(1000), "cgroup"), usage=size(980), working_set=size(930), file_cache=size(50),
        headroom=size(70), machine_total=size(16000), machine_available=size(9000), oom_kills=0, oom_score=712,
        oom_score_adj=100, soft={"open files": 1024, "address space": 4000 * MB}, open_files=34,
        signals=("HUP", "TERM"),
    ),
    threads=12,
    thread_groups=(ThreadGroup("worker-N", 8), ThreadGroup("gunicorn", 4)),
    mappings=Mappings(
        140, 12, (mapping("[anonymous]", 40, 600), *(mapping(f"/lib/{n}.so", 5, 10 - n) for n in range(11))),
        size(680), Bytes(0), Bytes(0), True,
    ),
    complete_ratio=0.98555,
    advice=("70.0 MB are left below the cgroup's limit of 1.0 GB: raise it, or get memory back now.",),
    missing=(Missing("unique set", "permission denied"), Missing("python", "not read"), Missing("x", "not read")),
)  # fmt: skip

PAGE = """\
4242  gunicorn --workers 4 shop.wsgi
  'gunicorn', asleep; for 2h 5m, with 1m 33s of CPU; user shop; child of 17 'gunicorn'
  12 threads; 34 open files of at most 1,024; catches HUP TERM
  program /usr/bin/python3.11
  unit shop.service
  container 3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a
  cgroup /system.slice/shop.service

ADVICE
  - 70.0 MB are left below the cgroup's limit of 1.0 GB: raise it, or get memory back now.

SIZES
  resident set            690.0 MB   its peak: 702.0 MB
    anonymous             650.0 MB   heaps and stacks: only the process itself can give it back
    file                   40.0 MB   programs, libraries, mapped files: the kernel can drop it
    shared memory              0 B   tmpfs, memfd, shared anonymous
  proportional set        660.0 MB   shared pages divided among those who share them
  unique set               unknown   what its end would give back
  swapped out              12.0 MB
  virtual set               2.1 GB   reserved addresses; pages are behind the resident ones alone

LIMIT
  limit                     1.0 GB   the tightest on the way up from its cgroup
  working set             930.0 MB   93.0 % of the limit; its cgroup's usage less inactive file
    inactive file pages    50.0 MB   of the cgroup; the kernel drops them by itself
  headroom                 70.0 MB   until allocations fail or the OOM killer comes
  machine available         9.0 GB   of 16.0 GB
  OOM score                    712   the killer takes the highest; adjusted by +100
  ulimit, address space     4.0 GB

THREADS, 12 by name
           8  worker-N
           4  gunicorn

MAPPINGS, the largest of 12 kinds, 140 in all
    resident  proportional     swapped     virtual   count  what
    600.0 MB      300.0 MB         0 B      1.2 GB      40  [anonymous]
     10.0 MB        5.0 MB         0 B     20.0 MB       5  /lib/0.so
      9.0 MB        4.5 MB         0 B     18.0 MB       5  /lib/1.so
      8.0 MB        4.0 MB         0 B     16.0 MB       5  /lib/2.so
      7.0 MB        3.5 MB         0 B     14.0 MB       5  /lib/3.so
      6.0 MB        3.0 MB         0 B     12.0 MB       5  /lib/4.so
      5.0 MB        2.5 MB         0 B     10.0 MB       5  /lib/5.so
      4.0 MB        2.0 MB         0 B      8.0 MB       5  /lib/6.so
      3.0 MB        1.5 MB         0 B      6.0 MB       5  /lib/7.so
      2.0 MB        1.0 MB         0 B      4.0 MB       5  /lib/8.so
     26.0 MB  in 2 more

NOT KNOWN
  - unique set: permission denied
  - python, x: not read
"""


def test_the_page_reads_from_what_to_do_to_what_is_not_known() -> None:
    assert render_text(REPORT) == PAGE


def test_a_page_of_which_nothing_is_known_says_who_and_why() -> None:
    origin = Origin(2, "kthreadd", "", "I", True, 0, None, Seconds(5.0), Seconds(0.0), uid=0)
    report = Report(
        origin, Sizes(), Bounds(open_files=0, signals=()), 1, missing=(Missing("sizes", "a kernel thread"),)
    )

    assert render_text(report) == (
        "2  [kthreadd]\n  kernel thread, idle; for 5.0s, with 0ms of CPU; user 0\n  1 thread\n\n"
        "NOT KNOWN\n  - sizes: a kernel thread\n"
    )


def test_no_line_of_prose_is_wider_than_a_terminal() -> None:
    long = replace(REPORT, advice=("word " * 100,), origin=replace(REPORT.origin, cmdline="argument " * 40))

    assert max(len(line) for line in render_text(long).splitlines()) <= 100


CONTRACT = {
    "pid", "cmdline", "rss_bytes", "pss_bytes", "vms_bytes", "swap_bytes", "threads", "limit", "python", "allocators",
    "complete_ratio", "advice", "missing",
}  # fmt: skip


def test_the_object_has_every_name_of_the_contract() -> None:
    found = json.loads(json.dumps(to_json(REPORT)))

    assert found.keys() >= CONTRACT
    assert {name: found[name] for name in ("pid", "cmdline", "rss_bytes", "pss_bytes", "vms_bytes", "swap_bytes")} == {
        "pid": 4242,
        "cmdline": "gunicorn --workers 4 shop.wsgi",
        "rss_bytes": 690 * MB,
        "pss_bytes": 660 * MB,
        "vms_bytes": 2100 * MB,
        "swap_bytes": 12 * MB,
    }
    assert (found["threads"], found["limit"]) == (12, {"bytes": 1000 * MB, "source": "cgroup"})
    assert (found["python"], found["allocators"], found["complete_ratio"]) == (None, {}, 0.9856)
    assert found["advice"] == list(REPORT.advice)
    assert found["missing"][0] == {"what": "unique set", "why": "permission denied"}


def test_what_is_not_known_is_null_and_never_0() -> None:
    found = to_json(REPORT)

    assert (found["uss_bytes"], to_json(replace(REPORT, bounds=Bounds(), mappings=None))["limit"]) == (None, None)


def test_limits_carry_their_unit_in_their_name() -> None:
    assert to_json(REPORT)["resource_limits"] == {"open_files": 1024, "address_space_bytes": 4000 * MB}
