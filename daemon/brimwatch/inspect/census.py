"""What is held inside a process, by whom? One look with every reader that was asked for, within a budget of CPU time.

What a reader does not find is absent, and `missing` says why: refused is not the same as nothing there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Set
from functools import partial
from typing import TypeVar

from brimwatch.errors import MalformedProcFile
from brimwatch.inspect.clock import OutOfTime
from brimwatch.inspect.found import FREE_THREADED, NO_POOLS, Arenas, Census, Interpreter, Missing, Want
from brimwatch.inspect.glibc import count_arenas
from brimwatch.inspect.interpreter import find_interpreter
from brimwatch.inspect.maps import PAGE, Mapping, read_maps
from brimwatch.inspect.memory import Memory
from brimwatch.inspect.objects import Walked, count_objects, find_lists
from brimwatch.inspect.pages import Pages
from brimwatch.inspect.present import PresentMemory
from brimwatch.inspect.pymalloc import OLD_POOL, POOL, count_pools, list_pools
from brimwatch.inspect.stack_memory import stack_bytes
from brimwatch.inspect.type_sample import SAMPLE, sample_types
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat
from brimwatch.units import Seconds

Found = TypeVar("Found")

_DENIED = (
    "permission denied: it takes the same user without more capabilities on its side, or CAP_SYS_PTRACE,"
    " and CAP_DAC_READ_SEARCH where the user is another"
)
_NO_INTERPRETER = "no CPython interpreter is in it"
_MACHINE = "this processor's layouts are not known: only those of x86_64 were tried"
_TRIES = 3
AGAIN = Seconds(0.1)  # CPU seconds in which a walk over free chunks is tried again where they changed meanwhile


def take_census(
    procfs: str,
    process: ProcessId,
    wants: Set[Want],
    most: Seconds = Seconds(60.0),
    sample: int = SAMPLE,
    known: Interpreter | None = None,
) -> Census:
    """Look inside a process; each reader may use about `most` seconds of CPU time, types come from `sample` pools.

    `known` is the interpreter that an earlier look found.

    Raises ProcessLookupError where it is gone, or another one by now. Nothing of the process is stopped or changed.
    """
    started = time.thread_time()
    _identify(process)
    look = _Census(procfs, process, most, sample, known)
    found = look.take(wants)
    _identify(process)
    return Census(
        **found,  # type: ignore[arg-type] # each under the name of its field
        process=process,
        cpu=Seconds(time.thread_time() - started),
        read=look.memory.read_bytes,
        missing=tuple(look.missing),
        denied=look.denied,
    )


def _identify(process: ProcessId) -> None:
    """Raises ProcessLookupError unless the PID, as we number it, is this very process: memory is read by that."""
    if read_stat("/proc", process.pid).start_ticks != process.start_ticks:
        raise ProcessLookupError(f"{process.pid} is another process by now")


class _Census:
    """One look in the making."""

    def __init__(self, procfs: str, process: ProcessId, most: Seconds, sample: int, known: Interpreter | None) -> None:
        self.procfs, self.pid = procfs, process.pid
        self.most, self.sample, self.known = most, sample, known
        self.memory = Memory(process.pid)
        self.missing: list[Missing] = []
        self.denied = False

    def take(self, wants: Set[Want]) -> dict[str, object]:
        found: dict[str, object] = {}
        if os.sysconf("SC_PAGE_SIZE") != PAGE or os.uname().machine != "x86_64":
            self.missing.append(Missing("python and allocators", _MACHINE))
            return found
        maps = self._ask("mappings", lambda: read_maps(self.procfs, self.pid))
        if not maps:
            if maps is not None:
                self.missing.append(
                    Missing("mappings", "it shows none: its first thread has ended, or it is the kernel's")
                )
            return found
        everything = self._ask("pages", lambda: Pages(self.procfs, self.pid, _readable(maps)))
        if everything is None:
            return found
        present = PresentMemory(self.memory, everything)
        if Want.ARENAS in wants:
            found["arenas"] = self._arenas(present, maps, everything)
        if Want.STACKS in wants:
            found["stacks"] = self._ask(
                "stack sizes", lambda: stack_bytes(f"{self.procfs}/{self.pid}", maps, everything)
            )
        if wants == {Want.ARENAS}:
            return found
        files = f"{self.procfs}/{self.pid}"
        python = self._ask("python", lambda: find_interpreter(present, maps, files, self.most, self.known))
        if python is None:
            if not any(missing.what == "python" for missing in self.missing):
                self.missing.append(Missing("python", _NO_INTERPRETER))
            return found
        found["python"] = python
        if Want.OBJECTS in wants:
            begin = time.thread_time()
            found["objects"] = self._objects(python)
            found["objects_cpu"] = Seconds(time.thread_time() - begin)
        if wants & {Want.POOLS, Want.TYPES}:
            found |= self._pools(python, maps, present, Want.TYPES in wants)
        found["swapped"] = present.swapped
        return found

    def _arenas(self, present: PresentMemory, maps: tuple[Mapping, ...], pages: Pages) -> Arenas | None:
        arenas = self._ask("glibc", lambda: count_arenas(present, maps, pages, self.most))
        again = time.thread_time() + AGAIN
        while arenas is not None and not arenas.whole and time.thread_time() < again:  # a chunk moved meanwhile
            fresh = self._fresh()
            found = None if fresh is None else self._ask("glibc", partial(self._count_anew, fresh))
            arenas = found or arenas
        if arenas is None:
            if not any(missing.what == "glibc" for missing in self.missing):
                self.missing.append(Missing("glibc", "no glibc's malloc was found in it, or another allocator is used"))
        elif not arenas.whole:
            self.missing.append(Missing("glibc", "a part of its free chunks changed while they were walked"))
        return arenas

    def _count_anew(self, memory: PresentMemory) -> Arenas | None:
        return count_arenas(memory, read_maps(self.procfs, self.pid), memory.pages, self.most)

    def _objects(self, python: Interpreter) -> int | None:
        if python.free_threaded or python.state is None:
            why = FREE_THREADED if python.free_threaded else "its state was not found"
            self.missing.append(Missing("objects", why))
            return None
        walked = Walked(None)
        for _ in range(_TRIES):  # a page that is touched between two of our reads makes one try fail
            fresh = self._fresh()
            tried = None if fresh is None else self._ask("objects", partial(_walk, fresh, python.state, self.most))
            if tried is None:
                return None
            walked = tried
            if walked.objects is not None:
                return walked.objects
        self.missing.append(Missing("objects", walked.why))
        return None

    def _pools(
        self, python: Interpreter, maps: tuple[Mapping, ...], present: PresentMemory, types: bool
    ) -> dict[str, object]:
        if python.free_threaded:
            self.missing.append(Missing("pools", FREE_THREADED))
            return {}
        size = POOL if python.version[:2] >= (3, 10) else OLD_POOL
        heap = self._ask("pools", lambda: Pages(self.procfs, self.pid, [one for one in maps if one.heap_like]))
        if heap is None:
            return {}
        pools = self._ask("pools", lambda: count_pools(self.memory, heap, size, self.most))
        if pools is None:
            return {}
        if not pools.pools:
            self.missing.append(Missing("pools", NO_POOLS))
            return {}
        if not types:
            return {"pools": pools}
        sampled = self._ask(
            "types", lambda: sample_types(present, list_pools(self.memory, heap, size), size, most=self.sample)
        )
        return {"pools": pools, "types": sampled or ()}

    def _fresh(self) -> PresentMemory | None:
        maps = self._ask("mappings", lambda: read_maps(self.procfs, self.pid))
        if maps is None:
            return None
        pages = self._ask("pages", lambda: Pages(self.procfs, self.pid, _readable(maps)))
        return None if pages is None else PresentMemory(self.memory, pages)

    def _ask(self, what: str, read: Callable[[], Found]) -> Found | None:
        """What was read, or None and the reason. Raises ProcessLookupError."""
        try:
            return read()
        except ProcessLookupError:
            raise
        except PermissionError:
            self.denied = True
            self.missing.append(Missing(what, _DENIED))
        except (OSError, MalformedProcFile, MemoryError, OutOfTime) as error:
            self.missing.append(Missing(what, str(error)))
        return None


def _walk(memory: PresentMemory, state: int, most: Seconds) -> Walked:
    lists = find_lists(memory, state)
    return Walked(None, "its collector's lists were not found") if lists is None else count_objects(memory, lists, most)


def _readable(maps: tuple[Mapping, ...]) -> list[Mapping]:
    """What may be read without a change: private mappings, without the kernel's own pages."""
    return [one for one in maps if one.permissions[0] == "r" and one.private and not one.path.startswith("[v")]
