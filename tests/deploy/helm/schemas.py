"""Is an object what a version of Kubernetes takes? Its published schemas, read once for each version."""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any

import jsonschema
import referencing
from tests.deploy.helm.chart import Manifest

# Custom resources, which Kubernetes itself has no schema for. Their fields are asserted in test_branches.py.
CUSTOM = "monitoring.coreos.com/v1"


@functools.lru_cache(maxsize=1)
def _version(version: str) -> tuple[Any, dict[str, Any]]:
    """The definitions that all kinds of a version refer to, and an empty store of its validators."""
    folder = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text())
    registry: Any = referencing.Resource.from_contents(definitions) @ referencing.Registry()
    return (folder, registry), {}


def _validator(version: str, api_version: str, kind: str) -> Any:
    (folder, registry), known = _version(version)
    group, _, number = api_version.rpartition("/")
    name = f"{kind.lower()}-{group.split('.')[0] + '-' if group else ''}{number}.json"
    if name not in known:
        schema = json.loads((folder / name).read_text())  # FileNotFoundError: this version has no such kind
        known[name] = jsonschema.Draft202012Validator(
            schema, registry=referencing.Resource.from_contents(schema) @ registry
        )
    return known[name]


def faults(one: Manifest, version: str) -> list[str]:
    """What is wrong with an object in the eyes of that version, as a path and a sentence each."""
    if one["apiVersion"] == CUSTOM:
        return []
    errors = _validator(version, one["apiVersion"], one["kind"]).iter_errors(one)
    return [f"{one['kind']} {one['metadata']['name']}: {error.json_path}: {error.message[:200]}" for error in errors]
