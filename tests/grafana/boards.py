"""What is in the dashboards' JSON? Panels, queries, variables, read as Grafana reads them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
GOLDEN = ROOT / "tests" / "golden" / "metrics.txt"
Board = dict[str, Any]


def read(path: Path) -> Board:
    board: Board = json.loads(path.read_text())
    return board


def panels(board: Board) -> Iterator[dict[str, Any]]:
    """Every panel but the headings, those inside of closed rows among them."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panels(panel) if panel.get("panels") else ()


@dataclass(frozen=True)
class Asked:
    """A query of a panel, or of an annotation."""

    board: str
    panel: str
    legend: str
    expr: str

    def __str__(self) -> str:
        return f"{self.board} / {self.panel} / {self.legend}"


def queries(board: Board) -> Iterator[Asked]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield Asked(board["title"], panel["title"], target["legendFormat"], target["expr"])


def annotation_queries(board: Board) -> Iterator[Asked]:
    for annotation in board["annotations"]["list"]:
        yield Asked(board["title"], "annotation", annotation["name"], annotation["expr"])


def substituted(text: str, values: dict[str, str]) -> str:
    """`$name` and `${name}` by their values, as Grafana does before it asks; a name without a value is an error."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: values[found[1] or found[2]], text)


@dataclass(frozen=True)
class Found:
    """A node of an expression and those above it, from the root on."""

    node: Any
    above: tuple[Any, ...]


def nodes(expression: Any, above: tuple[Any, ...] = ()) -> Iterator[Found]:
    yield Found(expression, above)
    for name in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        child = getattr(expression, name, None)
        for one in child if isinstance(child, list) else [child]:
            if one is not None:
                yield from nodes(one, (*above, expression))


def parsed(expr: str) -> list[Found]:
    """Raises ValueError where it is no PromQL."""
    return list(nodes(promql.parse(expr)))


def selectors(expr: str) -> list[Found]:
    return [found for found in parsed(expr) if isinstance(found.node, promql.VectorSelector)]


SAMPLE = {
    "__rate_interval": "8869991s", "__range": "6769771s",
    "window": "123457s", "target": "target", "member": "member", "job": "job", "instance": "instance",
}  # fmt: skip


def metrics_of(exprs: list[str]) -> set[str]:
    return {found.node.name for expr in exprs for found in selectors(substituted(expr, SAMPLE))}


def exported() -> dict[str, str]:
    """Each name that may stand in a query, and the metric that it is of: a histogram has three."""
    names = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", GOLDEN.read_text(), re.MULTILINE):
        for suffix in ("_bucket", "_count", "_sum") if kind == "histogram" else ("",):
            names[name + suffix] = name
    return names
