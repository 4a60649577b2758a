"""`brimwatch inspect` on real programs: Python that is full of holes, Python without pools, no Python, no glibc."""

import json
import os
import random
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.inspect.pythons import Looked, start_python
from tests.inspect.test_live_look import as_nobody

from brimwatch.inspect.census import take_census
from brimwatch.inspect.found import Want
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat

pytestmark = pytest.mark.live

SERVICE = """
from concurrent.futures import ThreadPoolExecutor
class Order:
    def __init__(self, number): self.number = number; self.lines = [number]
kept = [Order(i) for i in range(200000)]
gone = [bytes(3000) for i in range(30000)]
gone = gone[::10]
e = threading.Event()
pool = ThreadPoolExecutor(8)
done = [pool.submit(lambda: e.wait(0.1)) for i in range(8)]
[one.result() for one in done]
"""


# Two of three blocks are freed and the third stays, so that no page is free as a whole; then it is trimmed.
TORN = """
import array, ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
blocks = array.array("Q", (libc.malloc(1000) for i in range(60000)))
for block in blocks: libc.memset(block, 1, 1000)
for i, block in enumerate(blocks):
    if i % 3: libc.free(block)
libc.malloc_trim(0)
"""


def inspect(pid: int, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "brimwatch", "inspect", str(pid), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)


def told(pid: int, *words: str) -> dict[str, Any]:
    ran = inspect(pid, "--format", "json", *words)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


@pytest.fixture
def service(spawn: Any) -> Looked:
    return start_python(spawn, sys.executable, SERVICE)


def test_the_four_figures_of_the_field_report(service: Looked) -> None:
    found = told(service.pid, "--stacks")
    python = found["python"]
    size, resident = (int(word) * 4096 for word in Path(f"/proc/{service.pid}/statm").read_text().split()[:2])
    assert found["rss_bytes"] == pytest.approx(resident, rel=0.01)
    assert found["vms_bytes"] == size
    assert (found["threads"], python["thread_count"], len(python["threads"])) == (9, 9, 9)
    assert 0 <= python["objects"] - service.said["objects"] <= 3
    assert python["blocks"] == pytest.approx(service.said["blocks"], rel=0.01)
    assert sum(one or 0 for one in found["resident"].values()) == pytest.approx(found["rss_bytes"], rel=0.03)
    assert {"Order", "list"} <= {one["name"] for one in python["types"]}
    assert (len(python["types"]), found["complete_ratio"] > 0.95, found["missing"]) == (10, True, [])
    assert [one for one in found["advice"] if "malloc_trim would return" in one]
    assert [one for one in found["advice"] if one.startswith("8 of 9 threads idle in ThreadPoolExecutor")]


def test_a_look_of_the_command_changes_nothing(service: Looked) -> None:
    before = service.resident()
    told(service.pid)
    assert service.resident() == before


def test_threads_have_names_and_states_without_stacks(service: Looked) -> None:
    threads = told(service.pid)["python"]["threads"]
    assert [(set(one), one["state"]) for one in threads] == [({"tid", "name", "state"}, "sleeping")] * 9


def test_more_types_come_from_a_larger_sample(service: Looked) -> None:
    assert len(told(service.pid, "--types", "25")["python"]["types"]) == 25


def test_python_without_pools_is_named(spawn: Any) -> None:
    looked = start_python(spawn, sys.executable, SERVICE, env={**os.environ, "PYTHONMALLOC": "malloc"})
    ran = inspect(looked.pid, "--format", "json", "--types", "5")
    found = json.loads(ran.stdout)
    reason = "it has no pools: PYTHONMALLOC=malloc, or a build without pymalloc"
    assert {"what": "pools", "why": reason} in found["missing"]
    assert (ran.returncode, ran.stderr) == (1, f"brimwatch: --types: {reason}\n")
    assert (found["python"]["blocks"], "pymalloc" in found["allocators"]) == (None, False)
    assert 0 <= found["python"]["objects"] - looked.said["objects"] <= 3


def test_what_is_no_python_has_its_malloc_and_no_more(spawn: Any) -> None:
    process = spawn(["cat"], stdin=subprocess.PIPE)
    found = told(process.pid)
    assert (found["python"], list(found["allocators"])) == (None, ["glibc"])
    assert {"what": "python", "why": "no CPython interpreter is in it"} in found["missing"]
    ran = inspect(process.pid, "--stacks")
    assert (ran.returncode, ran.stderr) == (1, "brimwatch: --stacks: no CPython interpreter was found in it\n")


def test_free_memory_that_no_trim_gives_back_is_told_with_its_bytes(spawn: Any) -> None:
    found = told(start_python(spawn, sys.executable, TORN).pid)
    glibc = found["allocators"]["glibc"]
    stuck = glibc["held_bytes"] - glibc["used_bytes"] - glibc["trimmable_bytes"]
    assert stuck == pytest.approx(40_000 * 1008, rel=0.05)
    (advice,) = [sentence for sentence in found["advice"] if "do not come back" in sentence]
    assert advice.startswith(f"{stuck / 1e6:.1f} MB of the ")


def test_duplicates_of_the_same_program_are_counted(spawn: Any) -> None:
    mark = "".join(random.choices(string.ascii_letters, k=20))  # others may run this very test
    processes = [spawn(["sh", "-c", "read line", mark, str(number)], stdin=subprocess.PIPE) for number in range(3)]
    twins = told(processes[0].pid)["same_program"]
    assert twins["count"] == 2
    assert twins["rss_bytes"] > 0


def test_somebody_else_s_inside_is_refused_and_not_empty(spawn: Any) -> None:
    if os.geteuid() != 0:
        pytest.skip("it takes root to be somebody else")
    looked = start_python(spawn, sys.executable)

    process = ProcessId(looked.pid, read_stat("/proc", looked.pid).start_ticks)

    def look() -> list[Any]:
        census = take_census("/proc", process, frozenset(Want))
        return [census.denied, census.python, census.pools, census.arenas, census.missing]

    denied, *nothing, missing = as_nobody(look)
    assert (denied, nothing) == (True, [None, None, None])
    assert missing[0][1].startswith("permission denied: it takes the same user")
