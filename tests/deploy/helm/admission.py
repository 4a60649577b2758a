"""What becomes of a pod under the chart's MutatingAdmissionPolicy? Its expressions, evaluated and applied.

By an implementation of the Common Expression Language of its own (cel-python), not by an API server: that has another
type checker. Kubernetes' object constructor `JSONPatch{...}` is read as a mapping of the same fields.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

import celpy
from celpy import celtypes
from tests.deploy.helm.chart import Manifest

_PATCH = re.compile(r'JSONPatch\{op: ("[a-z]+"), path: ("[^"]*"), value: ')


def admit(policy: Manifest, pod: Manifest) -> Manifest | None:
    """The pod as the policy leaves it; None where the policy's conditions leave it alone."""
    spec = policy["spec"]
    if not all(evaluate(one["expression"], object=pod) for one in spec["matchConditions"]):
        return None
    variables = {}
    for one in spec["variables"]:
        variables[one["name"]] = evaluate(one["expression"], object=pod, variables=variables)
    changed = copy.deepcopy(pod)
    for mutation in spec["mutations"]:
        assert mutation["patchType"] == "JSONPatch"
        patch(changed, evaluate(mutation["jsonPatch"]["expression"], object=pod, variables=variables))
    return changed


def evaluate(expression: str, **names: Any) -> Any:
    """The value of an expression, as JSON has it. Raises celpy.CELEvalError, celpy.CELParseError."""
    text = _PATCH.sub(r'{"op": \1, "path": \2, "value": ', expression)
    environment = celpy.Environment()
    context = {name: celpy.json_to_cel(value) for name, value in names.items()}
    return _plain(environment.program(environment.compile(text)).evaluate(context))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, celtypes.BoolType):
        return bool(value)
    return int(value) if isinstance(value, int) else str(value)


def patch(document: Any, operations: Iterable[Manifest]) -> None:
    """Apply `add` operations of RFC 6902 in place. Raises KeyError, IndexError where the place is not there."""
    for operation in operations:
        assert operation["op"] == "add"
        *way, last = (step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:])
        place = document
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if isinstance(place, dict):
            place[last] = operation["value"]
        elif last == "-":
            place.append(operation["value"])
        else:
            assert int(last) <= len(place)
            place.insert(int(last), operation["value"])
