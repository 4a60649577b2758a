"""How is a growing target started, told to grow, and asked what it saw?"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.hooks.conftest import DAEMON

HERE = Path(__file__).parent


class Seen(NamedTuple):
    """What a target saw of one crossing; seconds of CLOCK_MONOTONIC, None: not yet, or not at all."""

    crossed: float | None
    arrived: dict[str, float]  # the signal, by who sends it
    handled: dict[str, float]  # its handler, or the hook, in Python


class Growing:
    """One growing target. Sizes are bytes, rates bytes per second."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid
        self.ended_at = 0.0  # when the last crossing was over

    def fill(self, size: int) -> None:
        """Have a resident set of at least this size."""
        self._order(do="fill", size=size)

    def work(self, work: str) -> None:
        """Do this, without growing."""
        self._order(do="work", work=work)

    def rounds(self) -> int:
        """How much work is done."""
        return self._order(do="tell")["rounds"]

    def begin(self, work: str, rate: float, level: int, beyond: int, machine: int = 0) -> None:
        """Grow past `level` while doing `work`; with `machine`, until no more than that is available."""
        self._order(do="begin", work=work, rate=rate, level=level, beyond=beyond, machine=machine)

    def seen(self) -> Seen:
        """What happened since it began."""
        answer = self._order(do="tell")
        times = [{name: at / 1e9 for name, at in answer[key].items() if at} for key in ("arrived", "handled")]
        return Seen(answer["crossed"] / 1e9 or None, *times)

    def end(self, size: int) -> Seen:
        """Give everything above `size` back; what was seen until then."""
        seen = self.seen()
        self._order(do="end", size=size)
        self.ended_at = time.monotonic()
        return seen

    def _order(self, **order: object) -> "dict[str, Any]":
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def growing(library: Path, name: str, run_dir: str = "") -> Iterator[Growing]:
    """A target of that name, with an agent where a `run_dir` is given; ended by its PID."""
    command = [sys.executable, str(HERE / "target.py"), str(library), run_dir, name]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(DAEMON)}
    process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the target {name} ended with {process.wait(10)}")
        yield Growing(process)
    finally:
        process.kill()
        process.wait()


def said(path: Path, kind: str, pid: int, since: float) -> float | None:
    """When watched.py says that the first request of the kind to this process went out, not before `since`."""
    for line in path.read_text().splitlines():
        found, number, at = line.split()
        if found == kind and int(number) == pid and int(at) / 1e9 >= since:
            return int(at) / 1e9
    return None
