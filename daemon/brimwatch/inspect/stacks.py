"""What is every Python thread doing right now? Asked of py-spy, in a process of its own that has a deadline.

The target is not paused and no local variables are read. Source: `py-spy dump --help`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from brimwatch.units import Seconds

DEADLINE = Seconds(10.0)
_LARGEST = 16 << 20  # bytes of an answer
_MOST_THREADS = 10_000
_SHOWN = 120  # characters of a name or frame
_REASON = 200


class NoStacks(Exception):  # noqa: N818 - named after what it is
    """The stacks could not be had; the text is the reason."""


class Stack(NamedTuple):
    """A thread that runs Python code: its name in Python, whether it waits, and its innermost frame."""

    tid: int | None
    name: str
    idle: bool
    frame: str


def dump_stacks(pid: int, show: Callable[[str], str], deadline: Seconds = DEADLINE) -> tuple[Stack, ...]:
    """The threads of a Python process. `show` makes the target's words printable. Raises NoStacks."""
    program = _find()
    try:
        ran = subprocess.run(
            [program, "dump", "--json", "--nonblocking", "--pid", str(pid)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoStacks(f"py-spy gave no answer within {deadline:g} s") from None
    except OSError as error:
        raise NoStacks(f"py-spy cannot be started: {error}") from None
    if ran.returncode:
        lines = [line for line in ran.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise NoStacks(show(f"py-spy: {lines[-1] if lines else f'exit code {ran.returncode}'}"[:_REASON]))
    try:
        found = json.loads(ran.stdout[:_LARGEST])
        return tuple(_stack(thread, show) for thread in found[:_MOST_THREADS])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NoStacks(f"py-spy said what cannot be read: {error!r}"[:_REASON]) from None


def _find() -> str:
    """py-spy comes with the daemon's packages: beside the interpreter, else on the search path."""
    beside = os.path.join(os.path.dirname(sys.executable), "py-spy")
    found = beside if os.access(beside, os.X_OK) else shutil.which("py-spy")
    if found is None:
        raise NoStacks("py-spy is not installed: pip install py-spy")
    return found


def _stack(thread: Mapping[str, Any], show: Callable[[str], str]) -> Stack:
    tid = thread.get("os_thread_id")
    name = thread.get("thread_name") or f"thread {thread['thread_id']}"
    frames = thread["frames"]
    frame = "" if not frames else f"{frames[0]['name']} ({frames[0]['short_filename'] or frames[0]['filename']})"
    return Stack(
        None if tid is None else int(tid), show(str(name)[:_SHOWN]), thread["active"] is not True, show(frame[:_SHOWN])
    )
