"""Every CPython of this machine that is looked into, and programs that tell the truth about themselves."""

import glob
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from brimwatch.inspect.maps import Mapping, read_maps
from brimwatch.inspect.memory import Memory
from brimwatch.inspect.pages import Pages
from brimwatch.inspect.present import PresentMemory
from brimwatch.inspect.pymalloc import OLD_POOL, POOL

MINORS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PLACES = ("/usr/bin/python{}", "/usr/local/bin/python{}", "{root}/versions/{}.*/bin/python")
Spawn = Callable[..., "subprocess.Popen[Any]"]

# Each answers a line of JSON about itself for every line on its standard input, until that is closed.
TRUTH = """
import gc, json, sys, threading
def truth():
    info = {"blocks": sys.getallocatedblocks(), "threads": len(sys._current_frames()), "objects": len(gc.get_objects())}
    print(json.dumps(info), flush=True)
"""
SERVE = """
truth()
for line in sys.stdin:
    exec(line)
    truth()
"""


def find_pythons() -> dict[str, str]:
    """The interpreter of each minor version that is there: the distribution's and those of pyenv."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found: dict[str, str] = {}
    for minor in MINORS:
        for place in PLACES:
            paths = sorted(glob.glob(place.replace("{root}", root).replace("{}", minor)))
            if paths:
                found.setdefault(minor, paths[-1])
    found.setdefault(f"{sys.version_info.major}.{sys.version_info.minor}", sys.executable)
    debian = "/usr/bin/python3"
    if os.path.exists(debian):
        found["distribution"] = debian
    return found


FOUND = find_pythons()
PYTHONS = [
    pytest.param(
        FOUND.get(name, ""),
        id=name,
        marks=[] if name in FOUND else [pytest.mark.skip(reason=f"no Python {name} on this machine: pyenv brings one")],
    )
    for name in (*MINORS, "distribution")
]


@dataclass
class Looked:
    """A running Python program, and the readers that look into it."""

    process: "subprocess.Popen[str]"
    said: dict[str, int]

    @property
    def pid(self) -> int:
        return self.process.pid

    def do(self, statement: str) -> dict[str, int]:
        """Run a statement in it; what it says of itself afterwards."""
        assert self.process.stdin is not None
        self.process.stdin.write(statement + "\n")
        self.process.stdin.flush()
        self.said = self._hear()
        return self.said

    def _hear(self) -> dict[str, int]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def maps(self) -> tuple[Mapping, ...]:
        return read_maps("/proc", self.pid)

    def heap(self) -> Pages:
        return Pages("/proc", self.pid, [one for one in self.maps() if one.heap_like])

    def all_pages(self) -> Pages:
        kept = [one for one in self.maps() if one.permissions[0] == "r" and one.private and one.path[:2] != "[v"]
        return Pages("/proc", self.pid, kept)

    def memory(self) -> PresentMemory:
        return PresentMemory(Memory(self.pid), self.all_pages())

    def resident(self) -> dict[str, int]:
        """Sizes in kB that a read could have changed."""
        text = "".join(Path(f"/proc/{self.pid}/{name}").read_text() for name in ("smaps_rollup", "status"))
        wanted = ("Rss", "Anonymous", "VmPTE", "VmRSS")
        return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) for name in wanted}  # type: ignore[index]


def start_python(spawn: Spawn, python: str, setup: str = "", **options: Any) -> Looked:
    process = spawn(
        [python, "-c", TRUTH + setup + SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )
    looked = Looked(process, {})
    looked.said = looked._hear()
    return looked


def pool_size(python: str) -> int:
    """Bytes of a pool of pymalloc in this build."""
    words = [python, "-c", "import sys; print(sys.version_info[:2] >= (3, 10))"]
    return POOL if subprocess.run(words, capture_output=True, text=True, check=True).stdout == "True\n" else OLD_POOL
