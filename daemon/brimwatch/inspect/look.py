"""How is one process looked at deeply, once, with nothing changed? From what procfs gives; its memory is not read.

Does *not* cover what only the memory itself tells: Python objects, types, stacks, free blocks of allocators.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable
from dataclasses import replace

from brimwatch.inspect.advice import advise
from brimwatch.inspect.asking import PATIENCE, Gaps
from brimwatch.inspect.bounds import read_bounds
from brimwatch.inspect.report import Mappings, Origin, Report, Sizes
from brimwatch.inspect.smaps import read_smaps
from brimwatch.inspect.threads import MOST, group_names, read_thread_names
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths, read_cgroup
from brimwatch.procfs.cgroup_names import container_in, unit_in
from brimwatch.procfs.descriptor import read_file
from brimwatch.procfs.smaps_rollup import read_smaps_rollup
from brimwatch.procfs.stat import Stat, read_stat
from brimwatch.procfs.statm import parse_statm
from brimwatch.procfs.status import Status, read_status
from brimwatch.units import Seconds

Show = Callable[[str], str]
_TICKS = os.sysconf("SC_CLK_TCK")
_COMMAND_LINE = 128 * 1024  # bytes that are read of it; `redact` shows far fewer
_INSIDE = "this version reads /proc only: it does not look inside interpreters and allocators"


def _as_is(text: str) -> str:
    return text


def inspect_process(
    pid: int, procfs: str = "/proc", redact: Show = _as_is, escape: Show = _as_is, patience: float = PATIENCE
) -> Report:
    """Look once. `redact` hides secrets in a command line (arguments end in NUL), `escape` makes names printable.

    Takes the process's mmap lock for the time that a walk over its page tables takes: some 10 to 20 ms per resident GB,
    twice. Raises ProcessLookupError where there is no such process, PermissionError where procfs hides it,
    MalformedProcFile.
    """
    return _Look(pid, procfs, redact, escape, Gaps(patience)).report()


class _Look:
    """One look in the making. `thread` is a live one where the first thread has ended while others run on."""

    def __init__(self, pid: int, procfs: str, redact: Show, escape: Show, gaps: Gaps) -> None:
        self.stat: Stat = read_stat(procfs, pid)
        self.process = ProcessId(pid, self.stat.start_ticks)
        self.procfs = procfs
        self.redact = redact
        self.escape = escape
        self.gaps = gaps
        self.thread = self._live_thread() if self.stat.state in "ZXx" else None
        self.files = f"{procfs}/{pid}" if self.thread is None else f"{procfs}/{pid}/task/{self.thread}"
        self.has_memory = not self.stat.is_kernel_thread and (self.stat.state not in "ZXx" or self.thread is not None)

    def report(self) -> Report:
        """Ask for everything; raises ProcessLookupError where the process ended meanwhile."""
        gaps, pid = self.gaps, self.process.pid
        status = gaps.ask("status", lambda: read_status(self.procfs, pid, self.thread))
        paths = gaps.ask("cgroup", lambda: read_cgroup(self.procfs, pid))
        names = gaps.ask("thread names", lambda: read_thread_names(f"{self.procfs}/{pid}"))
        sizes, mappings = self._sizes(status), self._mappings()
        report = Report(
            origin=self._origin(status, paths),
            sizes=sizes,
            bounds=read_bounds(self.procfs, self.process, paths, status, self.thread, gaps),
            threads=self.stat.threads,
            thread_groups=group_names([self.escape(name) for name in names or ()]),
            mappings=mappings,
            complete_ratio=_complete_ratio(sizes, mappings),
        )
        self._note_the_rest(len(names or ()))
        if read_stat(self.procfs, pid).start_ticks != self.process.start_ticks:
            raise ProcessLookupError(f"process {pid} ended while it was looked at")
        return replace(report, advice=advise(report), missing=tuple(gaps.missing))

    def _live_thread(self) -> int | None:
        try:
            threads = os.listdir(f"{self.procfs}/{self.process.pid}/task")
        except FileNotFoundError:
            raise ProcessLookupError(f"process {self.process.pid} is gone") from None
        return next((int(name) for name in threads if name != str(self.process.pid)), None)

    def _sizes(self, status: Status | None) -> Sizes:
        if not self.has_memory:
            what = (
                "a kernel thread"
                if self.stat.is_kernel_thread
                else "a zombie: it has ended, and its parent has not asked how"
            )
            self.gaps.note("sizes", f"{what}; it has no memory of its own")
            return Sizes()
        pid = self.process.pid
        statm = self.gaps.ask("resident and virtual set", lambda: parse_statm(read_file(f"{self.files}/statm")))
        rollup = self.gaps.ask_patiently(
            "proportional and unique set", lambda: read_smaps_rollup(self.procfs, pid, self.thread)
        )
        return Sizes(
            rss=None if statm is None else statm.resident,
            vms=None if statm is None else statm.size,
            anon=None if status is None else status.anon,
            file=None if status is None else status.file,
            shmem=None if status is None else status.shmem,
            swap=None if status is None else status.swap,
            peak_rss=None if status is None else status.peak_rss,
            pss=None if rollup is None else rollup.pss,
            uss=None if rollup is None else rollup.uss,
        )

    def _mappings(self) -> Mappings | None:
        if not self.has_memory:
            return None
        mappings = self.gaps.ask_patiently("mappings", lambda: read_smaps(self.files))
        if mappings is None:
            return None
        if not mappings.whole:
            self.gaps.note("mappings", f"only the first {mappings.count:,} were read: the list is too long")
        return replace(
            mappings, groups=tuple(group._replace(name=self.escape(group.name)) for group in mappings.groups)
        )

    def _origin(self, status: Status | None, paths: CgroupPaths | None) -> Origin:
        stat, pid = self.stat, self.process.pid
        container = None if paths is None else container_in(paths)
        place = None if paths is None else paths.memory_v1 or paths.unified
        unit = None if paths is None else unit_in(paths)
        return Origin(
            pid=pid,
            comm=self.escape(stat.comm),
            cmdline=self._command_line(),
            state=stat.state,
            kernel_thread=stat.is_kernel_thread,
            ppid=stat.ppid,
            parent=self._parent(),
            age=Seconds(max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - stat.start_ticks / _TICKS)),
            cpu=Seconds((stat.utime_ticks + stat.stime_ticks) / _TICKS),
            uid=None if status is None else status.uid,
            user=None if status is None else _user_name(status.uid),
            exe=self._program(),
            unit=None if unit is None else self.escape(unit),
            container=None if container is None else container.id,
            pod=None if container is None else container.pod_uid,
            cgroup=None if place is None else self.escape(place),
        )

    def _command_line(self) -> str:
        """The arguments, redacted; empty where it has none: a kernel thread, a zombie, or one that overwrote them."""
        text = self.gaps.ask_patiently("command line", self._read_command_line)
        return "" if text is None else self.redact(text)

    def _read_command_line(self) -> str:
        with open(f"{self.files}/cmdline", "rb") as stream:
            return stream.read(_COMMAND_LINE).decode("utf-8", "backslashreplace")

    def _program(self) -> str | None:
        if not self.has_memory:
            return None
        path = self.gaps.ask("program file", lambda: os.readlink(f"{self.files}/exe"))
        return None if path is None else self.escape(path)

    def _parent(self) -> str | None:
        if not self.stat.ppid:
            return None
        try:
            return self.escape(read_stat(self.procfs, self.stat.ppid).comm)
        except (OSError, ValueError):
            return None  # ended meanwhile, or in another PID namespace

    def _note_the_rest(self, named: int) -> None:
        if named == MOST:
            self.gaps.note("thread names", f"only {MOST:,} of {self.stat.threads:,} were read")
        if self.has_memory:
            for what in ("python", "allocators"):
                self.gaps.note(what, _INSIDE)


def _complete_ratio(sizes: Sizes, mappings: Mappings | None) -> float | None:
    if mappings is None or not sizes.rss:
        return None
    return min(1.0, mappings.rss / sizes.rss)


def _user_name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
