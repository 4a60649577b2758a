"""Is a process in a pod that a match means? No where it is in none; unknown where the pod is in no book yet."""

from __future__ import annotations

from collections.abc import Callable

from brimwatch.config.settings import PodMatch
from brimwatch.discover.facts import Facts
from brimwatch.discover.pods import Resident

Same = Callable[[str], bool]


def pod_test(match: PodMatch, compiled: Callable[[str], Same]) -> Callable[[Facts], bool | None]:
    """A function that compares; `compiled` makes one of a shell pattern. It answers None for what is unknown."""
    texts = tuple(
        (field, compiled(pattern))
        for field, pattern in (("namespace", match.namespace), ("name", match.name), ("container", match.container))
        if pattern is not None
    )
    labels = tuple((key, compiled(pattern)) for key, pattern in match.labels)
    wanted = match.qos

    def holds(facts: Facts) -> bool | None:
        places = () if facts.place is None else facts.place.pods
        if not places:
            return False
        if wanted is not None:
            qos = _qos(facts)
            if qos is not None and qos != wanted:
                return False
            if qos is None:
                return None
        if not texts and not labels:
            return True
        return None if facts.pod is None else _meets(facts.pod, texts, labels)

    return holds


def _qos(facts: Facts) -> str | None:
    """The class as the pod itself says it, or else the path."""
    if facts.pod is not None and facts.pod.qos is not None:
        return facts.pod.qos
    return None if facts.place is None else facts.place.pods[0].qos


def _meets(
    resident: Resident, texts: tuple[tuple[str, Same], ...], labels: tuple[tuple[str, Same], ...]
) -> bool | None:
    if not all(same(getattr(resident, field)) for field, same in texts):
        return False
    has = dict(resident.labels)
    if any(key in has and not same(has[key]) for key, same in labels):
        return False
    missing = [key for key, _ in labels if key not in has]
    if any(key in resident.asked for key in missing):
        return False
    return None if missing else True  # a key that was not asked for when the pod was read
