"""Where is the memory controller's file system mounted?"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from brimwatch.errors import MalformedProcFile

_ESCAPE = re.compile(rb"\\([0-7]{3})")


class CgroupMount(NamedTuple):
    """One mount of a cgroup hierarchy. `root` is the cgroup that shows at `point`, as paths in /proc/PID/cgroup are.

    `above` are the names from there down to the reader's cgroup namespace, where the mount begins above that and they
    are known.
    """

    version: int  # 1: the memory controller's own hierarchy; 2: the unified one
    point: str
    root: str
    above: tuple[str, ...] = ()

    def below(self, path: str) -> str | None:
        """Where under `point` the cgroup of that path is (`` for the point itself), None where it is not to be seen.

        A path that leaves the reader's cgroup namespace begins with `/..`; a mount of another namespace can do so too.
        """
        if self.above:
            climbed = steps_up(path)
            kept = self.above[: max(len(self.above) - climbed, 0)]
            named = [*kept, *filter(None, path.split("/")[1 + climbed :])]
            return None if climbed > len(self.above) or ".." in named else "".join(f"/{name}" for name in named)
        if self.root == "/":
            rest = path if path != "/" else ""
        elif path == self.root:
            rest = ""
        elif path.startswith(self.root + "/"):
            rest = path[len(self.root) :]
        else:
            return None
        return None if ".." in rest.split("/") else rest


def parse_mountinfo(text: bytes) -> tuple[CgroupMount, ...]:
    """The cgroup mounts among the lines of /proc/PID/mountinfo: version 2, and version 1 with the memory controller.

    Source: proc_pid_mountinfo(5). Raises MalformedProcFile.
    """
    mounts = []
    for line in filter(None, text.split(b"\n")):  # a carriage return in a path is not escaped
        front, separator, back = line.partition(b" - ")
        if not separator:
            raise MalformedProcFile(f"mountinfo: found {line[:80]!r}, wanted a line with a lone dash")
        kind, _, options = back.partition(b" ")
        if kind == b"cgroup2" or (kind == b"cgroup" and b"memory" in options.split(b" ")[-1].split(b",")):
            fields = front.split(b" ")
            if len(fields) < 6:
                raise MalformedProcFile(f"mountinfo: found {line[:80]!r}, wanted at least ten fields")
            mounts.append(CgroupMount(2 if kind == b"cgroup2" else 1, _path(fields[4]), _path(fields[3])))
    return tuple(mounts)


def steps_up(path: str) -> int:
    """How many `/..` a path begins with."""
    steps = path.split("/")[1:]
    return next((number for number, step in enumerate(steps) if step != ".."), len(steps))


def _path(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes((int(found[1], 8) & 0xFF,)), field))
