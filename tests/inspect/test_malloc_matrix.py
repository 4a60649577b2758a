"""Does malloc_trim give back what was foretold? Programs on glibc's malloc: one arena, many, none at all."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.inspect.pythons import Looked, start_python

from brimwatch.inspect.census import take_census
from brimwatch.inspect.found import Arenas, Census, Want
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat

pytestmark = pytest.mark.live

MALLOC = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
filled_everywhere, free_everywhere = threading.Barrier({threads}), threading.Barrier({threads} + 1)
trimmed = threading.Event()
def fill():
    blocks = [libc.malloc({size}) for i in range({blocks})]
    for block in blocks: libc.memset(block, 1, {size})
    filled_everywhere.wait()  # or one thread fills another's holes, and how much is free is chance
    for i, block in enumerate(blocks):
        if i % {keep}: libc.free(block)
    free_everywhere.wait()
    trimmed.wait()
for i in range({threads}): threading.Thread(target=fill, daemon=True).start()
free_everywhere.wait()
def trim():
    resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096
    before = resident()
    libc.malloc_trim(0)
    sys.stderr.write(str(before - resident()) + "\\\\n"); sys.stderr.flush()
"""


def census_of(pid: int, *wants: Want) -> Census:
    return take_census("/proc", ProcessId(pid, read_stat("/proc", pid).start_ticks), frozenset(wants))


def arenas_of(pid: int) -> Arenas:
    found = census_of(pid, Want.ARENAS).arenas
    assert found is not None
    assert found.whole
    return found


def trims(looked: Looked) -> int:
    """What malloc_trim gives back of its resident set, as it says."""
    looked.do("trim()")
    assert looked.process.stderr is not None
    return int(looked.process.stderr.readline())


@pytest.mark.parametrize(
    ("threads", "size", "blocks", "keep", "environ", "arenas"),
    [
        pytest.param(1, 20_000, 3_000, 10, {}, None, id="one thread with large holes"),
        pytest.param(1, 3_000, 20_000, 40, {}, None, id="one thread with smaller ones"),
        pytest.param(6, 9_000, 1_500, 10, {}, None, id="an arena for each of six threads"),
        pytest.param(6, 9_000, 1_500, 10, {"MALLOC_ARENA_MAX": "1"}, 1, id="six threads and one arena"),
    ],
)
def test_what_malloc_trim_gives_back_was_foretold(
    spawn: Any, threads: int, size: int, blocks: int, keep: int, environ: dict[str, str], arenas: int | None
) -> None:
    setup = MALLOC.format(threads=threads, size=size, blocks=blocks, keep=keep).replace("\\\\n", "\\n")
    looked = start_python(spawn, sys.executable, setup, stderr=subprocess.PIPE, env={**os.environ, **environ})
    found = arenas_of(looked.pid)
    assert trims(looked) == pytest.approx(found.trimmable, rel=0.02)
    assert found.trimmable > 10e6
    assert found.arenas == arenas if arenas else found.arenas > 1
    after = arenas_of(looked.pid)
    assert after.trimmable < found.trimmable * 0.02
    assert found.resident - after.resident == pytest.approx(found.trimmable, rel=0.02)
    assert after.used == pytest.approx(found.used, abs=200_000)  # it reads, prints and counts meanwhile


GO = """package main
import ("bufio"; "fmt"; "os")
func main() { fmt.Println("ready"); bufio.NewReader(os.Stdin).ReadString('\\n') }
"""


def test_a_program_without_glibc_says_so(spawn: Any, component: Callable[[str], str], tmp_path: Path) -> None:
    source = tmp_path / "main.go"
    source.write_text(GO)
    environ = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": "-mod=mod"}
    subprocess.run([component("go"), "build", "-o", tmp_path / "app", source], check=True, env=environ, cwd=tmp_path)
    process = spawn([str(tmp_path / "app")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    found = census_of(process.pid, *Want)
    assert (found.arenas, found.python, found.pools, found.objects) == (None, None, None, None)
    assert {missing.what: missing.why for missing in found.missing} == {
        "glibc": "no glibc's malloc was found in it, or another allocator is used",
        "python": "no CPython interpreter is in it",
    }
