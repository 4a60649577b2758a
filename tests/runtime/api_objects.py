"""Objects as the API of Kubernetes shows them: a pod with what a kubelet fills in, and what a refusal says."""

import uuid
from typing import Any

NODE = "node-1"


def pod_object(name: str, namespace: str = "shop", **given: Any) -> dict[str, Any]:
    """A pod as the API shows it. `containers` is name to ID, None for one that has none yet."""
    containers = given.get("containers", {"app": uuid.uuid4().hex * 2})
    statuses = []
    for container, identity in containers.items():
        status: dict[str, Any] = {
            "name": container, "image": "registry.test/app:1", "imageID": "", "ready": identity is not None,
            "restartCount": 0, "started": identity is not None, "lastState": {},
            "state": {"running": {"startedAt": "2026-11-21T10:00:00Z"}} if identity
            else {"waiting": {"reason": "ContainerCreating"}},
        }  # fmt: skip
        if identity is not None:
            status["containerID"] = f"containerd://{identity}"
        statuses.append(status)
    return {
        "metadata": {
            "name": name,
            "generateName": f"{name}-",
            "namespace": namespace,
            "uid": given.get("uid", str(uuid.uuid4())),
            "creationTimestamp": "2026-11-21T10:00:00Z",
            "labels": {"app": name, "pod-template-hash": "5d59d67564", **given.get("labels", {})},
            "annotations": {"kubernetes.io/config.source": "api", **given.get("annotations", {})},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "controller": True}],
            "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:status": {"f:phase": {}}}}],
        },
        "spec": {
            "nodeName": given.get("node", NODE),
            "containers": [{"name": one, "image": "registry.test/app:1", "resources": {}} for one in containers],
            "restartPolicy": "Always",
        },
        "status": {
            "phase": "Running",
            "qosClass": given.get("qos", "Burstable"),
            "podIP": "10.244.0.7",
            "containerStatuses": statuses,
        },
    }


def status_object(code: int, message: str, reason: str) -> dict[str, Any]:
    """A refusal. Source: Kubernetes API conventions, Response Status Kind."""
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    }  # fmt: skip
