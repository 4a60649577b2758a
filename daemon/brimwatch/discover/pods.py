"""What is known of the pods of this machine, and in which of them is a process?

The runtime fills the book from the API server, discovery looks names up in it by what a cgroup path says. What is in
the book stays until the API server says otherwise: while it cannot be reached, names are the last that were known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from brimwatch.procfs.pod_paths import PodPlace

_RESIDENTS = 8192  # containers remembered at most


class Pod(NamedTuple):
    """One pod, and no more of it than targets ask for. `path_uid` is its UID in cgroup paths.

    `labels` holds those of the keys `asked` that it has; `containers` is ID to name.
    """

    uid: str
    path_uid: str
    namespace: str
    name: str
    qos: str | None
    labels: tuple[tuple[str, str], ...]
    asked: frozenset[str]
    containers: Mapping[str, str]


class Resident(NamedTuple):
    """A container of a known pod: what a match compares, by value, as judgements are remembered by it."""

    namespace: str
    name: str
    container: str
    qos: str | None
    labels: tuple[tuple[str, str], ...]
    asked: frozenset[str]


class PodBook:
    """The pods that are known. Written and read on the event loop's thread only."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}  # by UID
        self._by_path: dict[str, set[str]] = {}  # UIDs by the UID in cgroup paths
        self._residents: dict[tuple[str, str], Resident] = {}
        self._news: set[str] = set()

    def __len__(self) -> int:
        return len(self._pods)

    def put(self, pod: Pod) -> None:
        """A pod is there, or has changed."""
        known = self._pods.get(pod.uid)
        if known == pod:
            return
        if known is not None:
            self.remove(pod.uid)
        self._pods[pod.uid] = pod
        self._by_path.setdefault(pod.path_uid, set()).add(pod.uid)
        self._changed(pod)

    def remove(self, uid: str) -> None:
        """A pod is gone."""
        pod = self._pods.pop(uid, None)
        if pod is None:
            return
        same = self._by_path[pod.path_uid]
        same.discard(uid)
        if not same:
            del self._by_path[pod.path_uid]
        self._changed(pod)

    def keep(self, uids: Iterable[str]) -> None:
        """These are all that there are; the others have gone."""
        for uid in self._pods.keys() - set(uids):
            self.remove(uid)

    def news(self) -> frozenset[str]:
        """The UIDs, as they stand in cgroup paths, of pods that have changed since this was last asked."""
        news = frozenset(self._news)
        self._news.clear()
        return news

    def find(self, places: tuple[PodPlace, ...]) -> Resident | None:
        """The container that a process is in, of the outermost of its pods that is known.

        The outermost, as what is in a container may make cgroups with any name below its own. None where no pod is
        known, or it does not list the container: that of its sandbox, or one that started a moment ago. None as well
        where two pods claim to be the same one: in doubt it is neither.
        """
        for place in places:
            uids = self._by_path.get(place.uid, ())
            if uids:
                return self._resident(self._pods[next(iter(uids))], place) if len(uids) == 1 else None
        return None

    def _resident(self, pod: Pod, place: PodPlace) -> Resident | None:
        container = pod.containers.get(place.container)
        if container is None:
            return None
        key = (place.uid, place.container)
        known = self._residents.get(key)
        if known is None:
            if len(self._residents) >= _RESIDENTS:
                self._residents.clear()
            known = Resident(pod.namespace, pod.name, container, pod.qos, pod.labels, pod.asked)
            self._residents[key] = known
        return known

    def _changed(self, pod: Pod) -> None:
        self._news.add(pod.path_uid)
        for container in pod.containers:
            self._residents.pop((pod.path_uid, container), None)
