"""Which pods does a target take? Reads the value of `match: {pod: ...}` and refuses what no pod could ever have.

Names and labels in a cluster keep to narrow rules, so that a regular expression where a shell pattern is meant can be
told at once, and need not match nothing for months. Source: Kubernetes, Object Names and IDs; Labels and Selectors.
"""

from __future__ import annotations

import re

from brimwatch.config.nodes import Node
from brimwatch.config.settings import PodMatch

POD_KEYS = ("namespace", "name", "labels", "container", "qos")
QOS = ("Guaranteed", "Burstable", "BestEffort")
_MOST_LABELS = 16
_LONGEST = 253
# What a name or a label's value is made of, and what a shell pattern adds to that.
_NAME = re.compile(r"[a-z0-9.*?\[\]!-]+", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9._*?\[\]!-]+", re.ASCII)
_NEVER = re.compile(r"^[.-]|-\.|\.-|\.\.|[.-]$")  # the parts of a name begin and end with a letter or digit
_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def read_pod(node: Node) -> PodMatch | None:
    """Read `pod`: `*` for any pod, else a mapping of which every key must hold."""
    if node.is_scalar and node.written == "*":
        return PodMatch()
    if not node.is_mapping:
        node.fault(node.shown, f"* for any pod, or a mapping with {', '.join(POD_KEYS)}")
        return None
    fields = node.mapping(POD_KEYS) or {}
    if not node.key_names():
        node.fault("an empty mapping", f"at least one of {', '.join(POD_KEYS)}", "any pod is written '*'")
    return PodMatch(
        namespace=_name(fields["namespace"]) if "namespace" in fields else None,
        name=_name(fields["name"]) if "name" in fields else None,
        labels=_labels(fields["labels"]) if "labels" in fields else (),
        container=_name(fields["container"]) if "container" in fields else None,
        qos=fields["qos"].choice(QOS) if "qos" in fields else None,
    )


def _name(node: Node) -> str | None:
    text = node.text(longest=_LONGEST)
    if text is not None and (not _NAME.fullmatch(text) or _NEVER.search(text)):
        why = "no name in a cluster fits this; a regular expression is not meant here"
        node.fault(node.shown, "a name, or a shell pattern such as checkout-*", why)
    return text


def _labels(node: Node) -> tuple[tuple[str, str], ...]:
    """The labels by key, in an order that does not depend on the file's, so that equal ones are equal."""
    found: list[tuple[str, str]] = []
    for key, child in (node.mapping() or {}).items():
        value = child.text(longest=_LONGEST)
        if not _KEY.fullmatch(key):
            child.fault("a key that no label has", "a key such as app or app.kubernetes.io/name")
        elif value is not None and not _VALUE.fullmatch(value):
            child.fault(child.shown, "a label's value, or a shell pattern such as web-*; * is any value")
        elif value is not None:
            found.append((key, value))
    if node.is_mapping and not 1 <= len(node.key_names()) <= _MOST_LABELS:
        node.fault(node.shown if not node.key_names() else "more labels", f"1 to {_MOST_LABELS} labels")
    return tuple(sorted(found))
