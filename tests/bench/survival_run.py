"""Does one process live? tests/targets/survivor.py in a memory cgroup with a hard limit, and what became of it."""

import os
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.survival_cgroup import limited
from tests.bench.survival_daemon import IN_MEMORY, Watch

import brimwatch

LIMIT = 400_000_000  # bytes
SETTLED = 0.5  # seconds under watch before the work begins: the cgroup was read, the agent found
REMEMBERED = 0.5  # seconds that a cgroup stays after the kill, as container runtimes leave it
SURVIVOR = Path(__file__).parent.parent / "targets" / "survivor.py"
PACKAGE = Path(brimwatch.__file__).parent.parent
ENTER = 'echo $$ > "$0" && exec "$@"'  # all of the program's memory is charged to the cgroup


@dataclass(frozen=True)
class Course:
    """What a process does: a kind of tests/targets/survivor.py, its rate in MB/s, for how many seconds at most."""

    kind: str
    rate: int
    seconds: float = 15.0
    at_once: bool = False  # begins before anybody can know it


@dataclass(frozen=True)
class Fate:
    """What became of it: `alive` where nothing in the cgroup was killed and the work went on to its end."""

    alive: bool
    ended: int | None  # how the process ended, None: it worked to its end
    kills: int  # by the kernel
    lived: float  # seconds
    warned: float | None  # seconds from the last tier that was entered to the end; None: none was
    came: int
    answered: int
    refused: int
    drops: int
    peak: int | None


def run(course: Course, label: str, watch: Watch | None) -> Fate:
    """Start it, let it work, and look what is left. `label` chooses who watches it; None: nobody waits for that."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="brimwatch-bench-", dir=IN_MEMORY))
        group = stack.enter_context(limited(label, LIMIT))
        progress = Path(folder) / "progress"
        progress.write_bytes(bytes(32))
        run_dir = f"{folder}/run" if watch is None else str(watch.run_dir)
        words = [sys.executable, str(SURVIVOR), label, course.kind, str(course.rate), str(course.seconds)]
        words = ["/bin/sh", "-c", ENTER, str(group.entrance), *words, str(progress)]
        environment = os.environ | {"BRIMWATCH_RUN_DIR": run_dir, "PYTHONPATH": str(PACKAGE)}
        process = stack.enter_context(subprocess.Popen(words, stdin=-1, stdout=-1, env=environment))
        stack.callback(process.kill)
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{course.kind}: it did not start; the kernel killed {group.kills}")
        if watch is not None and not course.at_once:
            watch.await_member(process.pid)
            time.sleep(SETTLED)
        began, began_wall = time.monotonic(), time.time()
        process.stdin.write(b"go\n")
        process.stdin.flush()
        done = process.stdout.readline() == b"done\n"
        lived = time.monotonic() - began
        ended = None if done else process.wait(10)
        time.sleep(0.0 if done or watch is None else REMEMBERED)
        counts = struct.unpack("4Q", progress.read_bytes())
        entered = None if watch is None else watch.last_entry(label, began_wall)
        warned = None if entered is None else began_wall + lived - entered
        return Fate(done and group.kills == 0, ended, group.kills, lived, warned, *counts, group.peak)
