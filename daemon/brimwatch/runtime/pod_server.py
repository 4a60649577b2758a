"""Where is the API server, who are we to it, and which node's pods are ours?

In a pod all of that is there already: the server in the environment, token and authority in files that the kubelet
keeps fresh, the node where the manifest hands it in as `NODE_NAME`. What the configuration says goes before. Source:
Kubernetes, Accessing the API from a Pod.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from typing import NamedTuple

from brimwatch.act.web_address import Address, address_of
from brimwatch.act.web_route import Unusable
from brimwatch.config.settings import Kubernetes

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
NODE_NAME = "NODE_NAME"
_LONGEST_TOKEN = 1 << 16
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_NODE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


class PodServer(NamedTuple):
    """An API server. `token_file` is None where no token is sent, `ca_file` where it was not written."""

    address: Address
    node: str
    token_file: str | None
    ca_file: str | None

    def authority(self) -> str:
        """The file with the authorities to believe, empty for those of the machine. Looks at the disk."""
        if self.ca_file is not None:
            return self.ca_file
        inside = f"{ACCOUNT}/ca.crt"
        return inside if os.path.exists(inside) else ""


def find_server(settings: Kubernetes, environment: Mapping[str, str]) -> PodServer:
    """The server to ask. Raises Unusable where something is missing, with what to do about it."""
    address = _address(settings, environment)
    node = settings.node or environment.get(NODE_NAME, "")
    if not node:
        raise Unusable(f"which node is this? Set {NODE_NAME} from spec.nodeName, or global.kubernetes.node")
    if not _NODE.fullmatch(node):
        raise Unusable(f"{NODE_NAME} is no name of a node")
    token_file = settings.token_file
    if token_file is None and address.secure:
        token_file = f"{ACCOUNT}/token"
    return PodServer(address, node, token_file, settings.ca_file)


def _address(settings: Kubernetes, environment: Mapping[str, str]) -> Address:
    if settings.api_server is not None:
        return address_of(settings.api_server)
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT_HTTPS") or environment.get("KUBERNETES_SERVICE_PORT") or "443"
    if not host:
        raise Unusable("there is no API server here: this is no pod, and global.kubernetes.api_server is not set")
    try:
        return address_of(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")
    except ValueError:
        raise Unusable("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address") from None


def read_token(path: str) -> str:
    """The token in a file, as it is now: the kubelet writes another one before the old one ends. Raises Unusable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unusable(f"token_file {path} is no regular file")
            text = os.read(descriptor, _LONGEST_TOKEN).decode("ascii", "replace").strip()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unusable(f"token_file {path} cannot be read: {error.strerror}") from None
    if not _TOKEN.fullmatch(text):
        raise Unusable(f"token_file {path} holds no token")
    return text
