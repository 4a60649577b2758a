"""Which targets are watched, under which names and policies?"""

from __future__ import annotations

import re

from brimwatch.config.match import read_match, read_path
from brimwatch.config.nodes import Node
from brimwatch.config.policies import Policies
from brimwatch.config.settings import Match, Priority, TargetSpec

TARGET_KEYS = ("name", "match", "as", "policy", "priority", "limit_file")
TEMPLATES = ("{unit}", "{container}", "{comm}", "{namespace}", "{pod}", "{pod_container}")
AS = ("group", "each")
PRIORITIES = tuple(priority.value for priority in Priority)
FALLBACK_POLICY = "observe"
_LONGEST_NAME = 64
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")


def read_targets(root: Node, node: Node | None, policies: Policies) -> tuple[TargetSpec, ...]:
    """Read the list under `targets`. A configuration without one would watch nothing, which is a fault."""
    if node is None or node.is_null:
        root.fault("no targets", "at least one under `targets`", "nothing would be watched")
        return ()
    items = node.items()
    if items is not None and not items:
        node.fault("an empty list", "at least one target", "nothing would be watched")
    names: dict[str, int] = {}
    found = [_read_target(item, policies, names) for item in items or ()]
    _notice_fallback([item.line for item in items or () if item.get("policy") is None], policies)
    return tuple(target for target in found if target is not None)


def _notice_fallback(lines: list[int], policies: Policies) -> None:
    if lines:
        who = f"the target in line {lines[0]}" + (f" and {len(lines) - 1} more" if len(lines) > 1 else "")
        policies.notices.append(f"no policy is given for {who}: {FALLBACK_POLICY}, under which nothing is done")


def _read_target(node: Node, policies: Policies, names: dict[str, int]) -> TargetSpec | None:
    fields = node.mapping(TARGET_KEYS)
    if fields is None:
        return None
    name = _name(node, fields.get("name"), names)
    match = _match(node, fields.get("match"))
    policy = policies.of_target(fields["policy"]) if "policy" in fields else policies.named(FALLBACK_POLICY)
    grouped = fields["as"].choice(AS) if "as" in fields else None
    priority = fields["priority"].choice(PRIORITIES) if "priority" in fields else None
    limit_file = read_path(fields["limit_file"]) if "limit_file" in fields else None
    if limit_file is not None and match is not None and match.host:
        fields["limit_file"].fault("a target that is the host", "none", "the kernel tells what the host has")
    if name is None or match is None or policy is None:
        return None
    return TargetSpec(
        name=name,
        match=match,
        policy=policy,
        grouped=grouped == "group",
        priority=Priority.IMPORTANT if priority is None else Priority(priority),
        limit_file=limit_file,
        line=node.line,
    )


def _name(target: Node, node: Node | None, names: dict[str, int]) -> str | None:
    if node is None:
        target.fault("no name", "a name of its own", "it is the label of every metric of the target")
        return None
    name = node.text(longest=_LONGEST_NAME)
    if name is None:
        return None
    if not name.isprintable() or name != name.strip():
        node.fault(node.shown, "printable characters without blanks at the ends")
    for brace in _BRACES.findall(name):
        if brace not in TEMPLATES:
            node.fault(node.shown, "braces only as in " + ", ".join(TEMPLATES), node.faults.nearest(brace, TEMPLATES))
            break
    if name in names:
        node.fault(node.shown, "a name of its own", f"the target in line {names[name]} has it already")
    names.setdefault(name, node.line)
    return name


def _match(target: Node, node: Node | None) -> Match | None:
    if node is None:
        target.fault("no match", "a match such as match: {unit: nginx.service}", "it would take every process")
        return None
    return read_match(node)
