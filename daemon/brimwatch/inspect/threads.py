"""Which threads has a process, by name?"""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import islice

from brimwatch.inspect.report import ThreadGroup
from brimwatch.procfs.descriptor import read_file

MOST = 10_000
_DIGITS = re.compile(r"\d+")


def group_names(names: list[str]) -> tuple[ThreadGroup, ...]:
    """Count names, the most frequent first; names that differ in digits alone (`worker-1`, `worker-2`) are one."""
    exact = Counter(names)
    alike: dict[str, list[str]] = {}
    for name in exact:
        alike.setdefault(_DIGITS.sub("N", name), []).append(name)
    groups = [
        ThreadGroup(pattern if len(members) > 1 else members[0], sum(exact[name] for name in members))
        for pattern, members in alike.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.number, group.name)))


def read_thread_names(process: str, most: int = MOST) -> list[str]:
    """The names of at most `most` live threads, from /proc/PID/task/TID/comm. Raises ProcessLookupError."""
    names = []
    try:
        with os.scandir(f"{process}/task") as entries:
            threads = [entry.name for entry in islice(entries, most)]
    except FileNotFoundError:
        raise ProcessLookupError(f"{process} is gone") from None
    for thread in threads:
        try:
            text = read_file(f"{process}/task/{thread}/comm")
        except (FileNotFoundError, ProcessLookupError):
            continue  # that thread has ended meanwhile
        names.append(text.removesuffix(b"\n").decode("utf-8", "backslashreplace"))
    return names
