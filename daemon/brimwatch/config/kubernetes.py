"""Whom does the daemon ask for the names of pods? Reads `global.kubernetes`; in a pod every key has a default."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from brimwatch.config.faults import quoted
from brimwatch.config.nodes import Node
from brimwatch.config.settings import Kubernetes

KUBERNETES_KEYS = ("api_server", "token_file", "ca_file", "node")
_LONGEST_URL = 2048
_NODE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


def read_kubernetes(node: Node) -> Kubernetes | None:
    """Read the section. A key that is not given is taken from the pod that the daemon runs in, when it is needed."""
    fields = node.mapping(KUBERNETES_KEYS)
    if fields is None:
        return None
    return Kubernetes(
        api_server=_api_server(fields["api_server"]) if "api_server" in fields else None,
        token_file=_path(fields["token_file"]) if "token_file" in fields else None,
        ca_file=_path(fields["ca_file"]) if "ca_file" in fields else None,
        node=_node(fields["node"]) if "node" in fields else None,
    )


def _api_server(node: Node) -> str | None:
    wanted = "the address of an API server, such as https://10.96.0.1:443"
    text = node.scalar(wanted)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, SplitResult("", "", "", "", "")
    if "@" in parts.netloc:
        node.fault(quoted("***@" + parts.netloc.rpartition("@")[2]), "one without user and password", "use token_file")
    elif (
        parts.scheme not in ("http", "https")
        or not host
        or port == 0
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or len(text) > _LONGEST_URL
        or not text.isascii()
        or not text.isprintable()
    ):
        node.fault(quoted(text.partition("?")[0]), wanted, "it has no path")
    elif parts.scheme == "http" and not _is_loopback(host):
        node.fault(node.shown, "an address with https", "the token would cross the network in clear")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _path(node: Node) -> str | None:
    text = node.text()
    if text is not None and (not text.startswith("/") or "\0" in text):
        node.fault(node.shown, "an absolute path")
    return text


def _node(node: Node) -> str | None:
    text = node.scalar("the name of a node")
    if text is not None and not _NODE.fullmatch(text):
        node.fault(node.shown, "the name of a node", "as `kubectl get nodes` shows it")
    return text
