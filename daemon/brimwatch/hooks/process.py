"""Which process is this, how large is it, and was it forked? Small readings of /proc/self; None where there is none."""

from __future__ import annotations

import os
import sys

_PAGE = os.sysconf("SC_PAGE_SIZE")
_START = 19  # of the fields after the name: field 22 of proc_pid_stat(5)
_held: tuple[int, int] | None = None  # our PID, and a descriptor of our statm


def read(path: str, most: int = 4096) -> bytes | None:
    """The beginning of a small file; None where it cannot be read. The descriptor is not inherited."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, most)
    except OSError:
        return None
    finally:
        os.close(descriptor)


class often:  # noqa: N801 - it reads `with often():`
    """Sizes are read more than once: the file stays open. Each call of the kernel may cost a turn of the interpreter.

    Only for a moment: a program may close descriptors that it does not know, and give their numbers to others. No
    generator: `contextlib` and what it needs would be a third of what importing the hooks costs.
    """

    def __enter__(self) -> None:
        global _held  # noqa: PLW0603 - one process, one statm
        try:
            _held = (os.getpid(), os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            _held = None

    def __exit__(self, *_: object) -> None:
        global _held
        held, _held = _held, None
        if held is not None:
            os.close(held[1])


def rss() -> int | None:
    """Resident bytes. Source: proc_pid_statm(5)."""
    sizes = _statm()
    return None if sizes is None else sizes[1] * _PAGE


def vms() -> int | None:
    """Bytes of address space. Source: proc_pid_statm(5)."""
    sizes = _statm()
    return None if sizes is None else sizes[0] * _PAGE


def peak_rss() -> int | None:
    """The most resident bytes that the kernel saw (VmHWM). Source: proc_pid_status(5)."""
    return _status(b"VmHWM:", 1024)


def os_threads() -> int | None:
    """Threads of the process, those of C libraries included. Source: proc_pid_status(5)."""
    return _status(b"Threads:", 1)


def start_ticks(pid: int | str = "self") -> int:
    """When a process started, in clock ticks after the boot; 0 where it is not to be seen. An exec keeps it."""
    text = read(f"/proc/{pid}/stat")
    fields = b"" if text is None else text[text.rfind(b")") + 1 :]
    try:
        return int(fields.split()[_START])
    except (ValueError, IndexError):
        return 0


def is_main_interpreter() -> bool:
    """False in a subinterpreter, which may neither start daemon threads nor look after forks."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    try:
        interpreters = __import__(name)
        current, main = interpreters.get_current(), interpreters.get_main()
    except (ImportError, AttributeError):  # not CPython: it has no subinterpreters
        return True
    first = [found[0] if isinstance(found, tuple) else found for found in (current, main)]
    return bool(int(first[0]) == int(first[1]))


def _statm() -> tuple[int, int] | None:
    held = _held
    try:
        own = held is not None and held[0] == os.getpid()  # a forked child has the file of its parent
        text = os.pread(held[1], 4096, 0) if own and held is not None else read("/proc/self/statm")
    except OSError:
        text = None
    try:
        size, resident = (text or b"").split()[:2]
        return int(size), int(resident)
    except ValueError:
        return None


def _status(key: bytes, unit: int) -> int | None:
    for line in (read("/proc/self/status") or b"").splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * unit
    return None
