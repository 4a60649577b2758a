"""Where on the host's cgroup mount do we live, when we see it from inside a cgroup namespace of our own?

A container sees every path relative to its own cgroup: the host's mount has the root `/../../..`, and a cgroup in
another pod is `/../../pod2/box`, up to the nearest one above both. How those above us are called stands in neither; it
is found by looking for ourselves on the mount. A DaemonSet needs it: its containers have such a namespace wherever
cgroups are v2.

Source: cgroup_namespaces(7). Does *not* cover a daemon that cannot see its own PID there (without the host's PIDs).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

from brimwatch.procfs.descriptor import LISTS, read_file

_MOST = 20_000  # directories that are looked at: a node has some hundreds


@functools.lru_cache(maxsize=8)
def names_above(point: str, height: int, own: str) -> tuple[str, ...]:
    """The names from a mount's point down to the root of our namespace, `height` levels below; () if unknown.

    `own` is our cgroup as /proc/self/cgroup has it. Looks through the mount once; the answer is kept, as a namespace
    stays where it was made.
    """
    inside = own.strip("/")
    pid = b"%d" % os.getpid()
    for names in _at_height(point, height):
        try:
            held = read_file(os.path.join(point, *names, inside, "cgroup.procs"), LISTS)
        except OSError:  # gone meanwhile, or has no such cgroup below
            continue
        if pid in held.split(b"\n"):
            return names
    return ()


def _at_height(point: str, height: int) -> Iterator[tuple[str, ...]]:
    """Every directory that many levels below the point, at most `_MOST` looked at on the way."""
    left = _MOST
    waiting: list[tuple[str, ...]] = [()]
    while waiting and left > 0:
        names = waiting.pop()
        if len(names) == height:
            yield names
            continue
        left -= 1
        try:
            with os.scandir(os.path.join(point, *names)) as entries:
                waiting += [(*names, entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:  # gone meanwhile
            continue
