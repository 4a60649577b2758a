"""Is a Python interpreter in this process, which one, and how many threads run Python code?

`_PyRuntime` is found by its exported name, the rest by what must hold and not by tables of versions (3.13.0 and 3.13.5
differ): an interpreter's list of threads is closed, and each thread points back at its interpreter. Does *not* cover
objects (`objects`) and blocks (`pymalloc`).
"""

from __future__ import annotations

import os
import re
import struct

from brimwatch.inspect.clock import Clock
from brimwatch.inspect.elf import Image, NotElf
from brimwatch.inspect.found import Interpreter
from brimwatch.inspect.maps import Mapping
from brimwatch.inspect.memory import Unreadable
from brimwatch.inspect.present import PresentMemory
from brimwatch.units import Seconds

_COOKIE = b"xdebugpy"
_SPAN = 32 * 1024  # bytes of an interpreter's state in which its list of threads begins
_LARGEST_RUNTIME = 4 << 20
_MOST_THREADS = 100_000
_LOWEST, _HIGHEST = 0x10000, 1 << 47
_PATH = re.compile(r"(?:^|/)(?:lib)?python(3\.\d+)")


def find_interpreter(
    memory: PresentMemory,
    mappings: tuple[Mapping, ...],
    files: str,
    most: Seconds = Seconds(5.0),
    known: Interpreter | None = None,
) -> Interpreter | None:
    """The interpreter of a process, or None where there is none. `files` is `/proc/PID`, `known` what was found before.

    Takes at most about `most` seconds of CPU time. Raises PermissionError, ProcessLookupError, OutOfTime.
    """
    clock = Clock(most)
    again = None if known is None else _look_again(memory, mappings, known, clock)
    if again is not None:
        return again
    for mapping in _likely(mappings, files):
        try:
            image = Image(memory, mapping, _file_of(mapping, files))
        except (NotElf, FileNotFoundError):
            continue
        try:
            found = _look_into(memory, image, mapping.path, clock)
        except Unreadable:
            continue
        finally:
            image.close()
        if found is not None:
            return found
    return None


def _look_again(
    memory: PresentMemory, mappings: tuple[Mapping, ...], known: Interpreter, clock: Clock
) -> Interpreter | None:
    """The same with its threads of now, where all still is as it was: 0.8 ms instead of 3."""
    if known.state is None or known.head is None:
        return None
    if not any(one.path == known.image and one.start <= known.runtime for one in mappings):
        return None  # an exec
    try:
        threads = _walk_threads(memory, memory.word(known.head), known.state, clock)
    except Unreadable:
        return None
    return known._replace(threads=len(threads)) if threads else None


def _likely(mappings: tuple[Mapping, ...], files: str) -> list[Mapping]:
    """The first mappings of libpython, of the program itself, and of whatever bears the name."""
    program = os.readlink(f"{files}/exe")

    def rank(mapping: Mapping) -> int:
        name = mapping.path.rpartition("/")[2]
        return 0 if name.startswith("libpython") else 1 if mapping.path == program else 2

    images = [one for one in mappings if one.offset == 0 and one.inode and one.permissions[0] == "r"]
    return sorted((one for one in images if rank(one) < 2 or "python" in one.path.rpartition("/")[2]), key=rank)


def _file_of(mapping: Mapping, files: str) -> str | None:
    if mapping.path == os.readlink(f"{files}/exe"):
        return f"{files}/exe"
    return None if mapping.path.endswith(" (deleted)") else f"{files}/root{mapping.path}"


def _look_into(memory: PresentMemory, image: Image, path: str, clock: Clock) -> Interpreter | None:
    runtime = image.find("_PyRuntime")
    if runtime is None:
        return None
    version = _version(image, path)
    if version is None:
        return None
    size = min(runtime.size or 64 * 1024, _LARGEST_RUNTIME)
    text = memory.read_patched(runtime.address, size)
    free_threaded = text[:8] == _COOKIE and struct.unpack_from("<Q", text, 16)[0] == 1
    state, threads, head = find_state(memory, text, clock)
    return Interpreter(version, free_threaded, path, runtime.address, size, state, threads, head)


def _version(image: Image, path: str) -> tuple[int, int, int | None] | None:
    """From the constant that 3.11 and later export, else from the name of the file."""
    symbol = image.find("Py_Version")
    if symbol is not None:
        (value,) = struct.unpack("<I", image.read(symbol.address - image.bias, 4))
        return value >> 24, value >> 16 & 0xFF, value >> 8 & 0xFF
    named = _PATH.search(path)
    if named is None:
        return None
    major, _, minor = named[1].partition(".")
    return int(major), int(minor), None


def find_state(memory: PresentMemory, text: bytes, clock: Clock) -> tuple[int | None, int | None, int | None]:
    """The interpreter that the runtime (its bytes are `text`) points at, its threads, and where their list begins."""
    seen: set[int] = set()
    for (pointer,) in struct.iter_unpack("<Q", text[: len(text) & -8]):
        if pointer in seen or pointer & 7 or not _LOWEST <= pointer < _HIGHEST:
            continue
        seen.add(pointer)
        found = _threads_of(memory, pointer, clock)
        if found is not None:
            return pointer, *found
        if len(seen) > 4096:
            break
    return None, None, None


def _threads_of(memory: PresentMemory, state: int, clock: Clock) -> tuple[int, int] | None:
    """How many threads what may be an interpreter's state has, and where their list begins: a closed one whose members
    point back at it.
    """
    try:
        memory.read(state, 64)
    except Unreadable:
        return None
    text = memory.read_patched(state, _SPAN)
    tried: set[int] = set()
    for index, (pointer,) in enumerate(struct.iter_unpack("<Q", text)):
        if pointer in tried or pointer & 7 or not _LOWEST <= pointer < _HIGHEST:
            continue
        tried.add(pointer)
        threads = _walk_threads(memory, pointer, state, clock)
        if threads:
            return len(threads), state + 8 * index
    return None


def _walk_threads(memory: PresentMemory, head: int, state: int, clock: Clock) -> tuple[int, ...] | None:
    """PyThreadState begins with previous, next and interpreter in every version from 3.9 to 3.14."""
    found: list[int] = []
    before, thread = 0, head
    while thread:
        clock.check()
        try:
            back, following, interpreter = struct.unpack("<QQQ", memory.read(thread, 24))
        except Unreadable:
            return None
        if interpreter != state or back != before or len(found) >= _MOST_THREADS:
            return None
        found.append(thread)
        before, thread = thread, following
    return tuple(found)
