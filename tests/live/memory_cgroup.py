"""A memory cgroup with a hard limit for the tests that let the kernel kill; without one they are skipped, loudly."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


@dataclass(frozen=True)
class MemoryCgroup:
    directory: str
    version: int

    def limit(self, count: int) -> None:
        """Set the limit of memory, and allow no swap where the kernel counts that."""
        if self.version == 2:
            self._write("memory.max", count)
            self._write_if_there("memory.swap.max", 0)
        else:
            self._write("memory.limit_in_bytes", count)
            self._write_if_there("memory.memsw.limit_in_bytes", count)

    def take(self, pid: int) -> None:
        self._write("cgroup.procs", pid)

    def _write(self, name: str, value: int) -> None:
        with open(f"{self.directory}/{name}", "w") as stream:
            stream.write(str(value))

    def _write_if_there(self, name: str, value: int) -> None:
        if os.path.exists(f"{self.directory}/{name}"):
            self._write(name, value)


@contextmanager
def memory_cgroup() -> Iterator[MemoryCgroup]:
    version = 1 if os.path.isdir(V1) else 2
    directory = f"{V1 if version == 1 else V2}/brimwatch-test-{uuid.uuid4().hex[:8]}"
    try:
        os.mkdir(directory)
    except OSError as error:
        _without(f"cannot make {directory}: {error}; root with a writable cgroup tree is needed")
    try:
        if not os.path.exists(f"{directory}/{'memory.max' if version == 2 else 'memory.limit_in_bytes'}"):
            _without("no memory controller for children of the root cgroup")
        yield MemoryCgroup(directory, version)
    finally:
        _remove(directory)


def _without(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _remove(directory: str) -> None:
    """What was killed leaves its cgroup a little later."""
    end = time.monotonic() + 10
    while True:
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
