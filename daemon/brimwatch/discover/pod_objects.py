"""What does the API server's object say of a pod, as far as targets ask for it?

Of a pod of 10 to 50 kB a few hundred bytes are kept. Nothing in an object is believed to have the form that it should
have. Source: Kubernetes API reference, Pod v1 core.
"""

from __future__ import annotations

import re

from brimwatch.discover.pods import Pod
from brimwatch.procfs.pod_paths import BEST_EFFORT, BURSTABLE, GUARANTEED

_LONGEST = 253  # characters of a name, of a label's value and of an ID
_MOST_CONTAINERS = 256
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_MIRROR = "kubernetes.io/config.mirror"
_HASH = re.compile(r"[0-9a-f]{32}", re.ASCII)


def read_pod(found: object, asked: frozenset[str]) -> Pod | None:
    """A pod with those labels whose keys are `asked`; None for what is no pod, or has no name.

    What a static pod's cgroups are called is the hash of its file, not the UID of the mirror that the API server shows:
    that has the hash as an annotation. Only a hash is taken from there, so that no pod can pass for an ordinary one.
    """
    metadata = _mapping(found, "metadata")
    uid, namespace, name = (_text(metadata.get(key)) for key in ("uid", "namespace", "name"))
    if uid is None or namespace is None or name is None:
        return None
    status = _mapping(found, "status")
    qos = _text(status.get("qosClass"))
    labels = _mapping(metadata, "labels")
    mirrored = _text(_mapping(metadata, "annotations").get(_MIRROR))
    return Pod(
        uid=uid,
        path_uid=mirrored if mirrored is not None and _HASH.fullmatch(mirrored) else uid,
        namespace=namespace,
        name=name,
        qos=qos if qos in (GUARANTEED, BURSTABLE, BEST_EFFORT) else None,
        labels=tuple((key, value) for key in sorted(asked) if (value := _label(labels.get(key))) is not None),
        asked=asked,
        containers=_containers(status),
    )


def _containers(status: dict[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in _STATUSES:
        listed = status.get(key)
        for one in listed[:_MOST_CONTAINERS] if isinstance(listed, list) else ():
            name, identity = (_text(_of(one, field)) for field in ("name", "containerID"))
            if name is not None and identity is not None:  # none yet: it waits, for its image say
                found[identity.rpartition("://")[2]] = name
    return found


def _mapping(found: object, key: str) -> dict[str, object]:
    value = _of(found, key)
    return value if isinstance(value, dict) else {}


def _of(found: object, key: str) -> object:
    return found.get(key) if isinstance(found, dict) else None


def _text(value: object) -> str | None:
    """A text that is not empty, nor longer than any is."""
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None


def _label(value: object) -> str | None:
    return "" if value == "" else _text(value)
