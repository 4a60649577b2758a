"""A memory cgroup with a hard limit, by its files, v1 or v2. Standard library only: the small machine has no more."""

import os
import time
from dataclasses import dataclass

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


@dataclass(frozen=True)
class MemoryCgroup:
    """One cgroup; `version` is that of the hierarchy its memory controller is in."""

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


def remove(directory: str) -> None:
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
