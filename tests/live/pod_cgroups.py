"""Processes in cgroups as a kubelet makes them, with the cgroupfs driver, below a folder that is the test's own."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cgroup_files import V1, V2, remove
from tests.live.memory_cgroup import without

HOLDER = "import sys; held = bytearray(20_000_000); print('ready', flush=True); sys.stdin.read()"


@dataclass(frozen=True)
class Container:
    """A process that holds 20 MB, alone in a container's cgroup."""

    pod: str
    identity: str
    pid: int


class Node:
    """The cgroups of a node: in the v1 memory hierarchy, or v2's only one."""

    def __init__(self, spawn: Any) -> None:
        version = V1 if os.path.isdir(V1) else V2
        self._root = f"{version}/brimwatch-test-{uuid.uuid4().hex[:8]}"
        self._spawn = spawn
        self._made: list[str] = []

    def run(self, qos: str, word: str, pod: str | None = None) -> Container:
        """Start a process with `word` in its command line, in a container of a new pod or of that one."""
        pod, identity = pod or str(uuid.uuid4()), uuid.uuid4().hex * 2
        directory = f"{self._root}/kubepods/{qos}/pod{pod}/{identity}"
        self._make(directory)
        words = [sys.executable, "-c", HOLDER, word]
        process = self._spawn(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        with open(f"{directory}/cgroup.procs", "w") as stream:
            stream.write(str(process.pid))
        return Container(pod, identity, process.pid)

    def remove(self) -> None:
        for directory in reversed(self._made):
            remove(directory)

    def _make(self, directory: str) -> None:
        if os.path.isdir(directory):
            return
        if directory != self._root:
            self._make(os.path.dirname(directory))
        try:
            os.mkdir(directory)
        except OSError as error:
            without(f"cannot make {directory}: {error}; root with a writable cgroup tree is needed")
        self._made.append(directory)


@contextmanager
def node(spawn: Any) -> Iterator[Node]:
    """A node whose cgroups go when its processes have been ended, which whoever uses it has to do."""
    made = Node(spawn)
    try:
        yield made
    finally:
        made.remove()
