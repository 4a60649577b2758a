"""What is a target called whose name is a template: one target for each unit, container, pod or program name?

The values come from processes: they are made printable and bounded, and the same value always makes the same name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from brimwatch.discover.facts import Facts
from brimwatch.procfs.cgroup_names import SHORT_ID

LONGEST = 64  # characters of a name
INSTANCES = 1000  # most targets that one template makes
_DIGEST = 8  # hexadecimal digits that tell apart what was cut or replaced
_PLACEHOLDER = re.compile(r"\{(unit|container|comm|namespace|pod|pod_container)\}")
OF_PODS = frozenset(("namespace", "pod", "pod_container"))


def is_template(name: str) -> bool:
    """True where a name holds a placeholder such as `{unit}`."""
    return _PLACEHOLDER.search(name) is not None


def placeholders(name: str) -> frozenset[str]:
    """Which of `unit`, `container`, `comm`, `namespace`, `pod`, `pod_container` a name holds."""
    return frozenset(_PLACEHOLDER.findall(name))


def fill(template: str, facts: Facts) -> str | None:
    """The name that a template makes for a process; None where the process lacks what it asks for."""
    place = facts.place
    container = None if place is None else place.container
    values = {
        "comm": facts.comm,
        "unit": None if place is None else place.unit,
        "container": None if container is None else container.id[:SHORT_ID],
        "namespace": None if facts.pod is None else facts.pod.namespace,
        "pod": None if facts.pod is None else facts.pod.name,
        "pod_container": None if facts.pod is None else facts.pod.container,
    }
    if any(values[asked] is None for asked in placeholders(template)):
        return None
    return _presentable(_PLACEHOLDER.sub(lambda found: values[found[1]] or "", template))


def _presentable(text: str) -> str:
    """Printable and of at most LONGEST characters; what was changed carries a digest, so that no two values meet."""
    clean = "".join(character if character.isprintable() else "?" for character in text).strip()
    if clean == text and 0 < len(clean) <= LONGEST:
        return clean
    digest = hashlib.blake2s(text.encode("utf-8", "backslashreplace"), digest_size=_DIGEST // 2).hexdigest()
    return f"{clean[: LONGEST - _DIGEST - 1]}~{digest}"


class NameBook:
    """Which template made which name. A configured name is never taken by a template."""

    def __init__(self, configured: frozenset[str]) -> None:
        self._configured = configured
        self._names: dict[tuple[int, str], str] = {}  # (index of the template, value) to the target's name
        self._taken: set[str] = set()
        self._counts: dict[int, int] = {}

    def name(self, index: int, value: str) -> str | None:
        """The name of this value's target; None where the template has made as many as it may."""
        known = self._names.get((index, value))
        if known is not None:
            return known
        if self._counts.get(index, 0) >= INSTANCES:
            return None
        name = value
        number = 1
        while name in self._configured or name in self._taken:
            number += 1
            suffix = f"~{number}"
            name = value[: LONGEST - len(suffix)] + suffix
        self._names[(index, value)] = name
        self._taken.add(name)
        self._counts[index] = self._counts.get(index, 0) + 1
        return name

    def keep(self, alive: Collection[tuple[int, str]]) -> None:
        """Forget the names of values that no process has any more."""
        for key in [key for key in self._names if key not in alive]:
            self._taken.discard(self._names.pop(key))
            self._counts[key[0]] -= 1
