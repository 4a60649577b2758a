"""How are a dashboard's figures and tables drawn? Values in words and colours, as mappings and thresholds say."""

import re
from typing import Any

from matplotlib.axes import Axes
from tests.grafana.looking import QUIET, View, colour
from tests.grafana.written import legend_of, properties_of, written


def figure(panel: dict[str, Any], axes: Axes, view: View, marks: Any) -> None:
    """A figure for each series, side by side, or below each other where the panel is high."""
    shown = [
        (legend_of(target["legendFormat"], one["metric"]), float(one["value"][1]))
        for target in panel["targets"]
        for one in view.now(target["expr"])
    ]
    if not shown:
        words = panel["fieldConfig"]["defaults"].get("noValue", "No data")
        axes.text(0.5, 0.42, words, transform=axes.transAxes, color=QUIET, size=11, ha="center", va="center")
        return
    high = panel["gridPos"]["h"] > 6
    named = panel["options"].get("textMode") == "value_and_name"
    for place, (legend, value) in enumerate(shown):
        text, tint = _said(panel, legend, value)
        share = (place + 0.5) / len(shown)
        x, y = (0.5, 0.9 - 0.86 * share) if high else (share, 0.5 if named else 0.42)
        size = 13 if len(shown) > 1 else 17
        axes.text(x, y, text, transform=axes.transAxes, color=tint, size=size, ha="center", va="center", weight="bold")
        if named:
            under = y - (0.055 if high else 0.27)
            words = re.sub(r"\s+", " ", legend)
            axes.text(x, under, words, transform=axes.transAxes, color=QUIET, size=7.5, ha="center", va="center")


def _said(panel: dict[str, Any], legend: str, value: float) -> tuple[str, str]:
    """The text for a value, and its colour: of a mapping, else fixed, else of the highest threshold below it."""
    properties = properties_of(panel, legend)
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in properties.get("mappings", defaults.get("mappings", [])):
        result = _mapped(mapping, value)
        if result is not None:
            return result["text"], colour(result.get("color") or "text")
    text = written(value, properties.get("unit", defaults["unit"]), defaults.get("decimals"))
    if "color" in properties:
        return text, colour(properties["color"]["fixedColor"])
    steps = properties.get("thresholds", defaults.get("thresholds", {"steps": []}))["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return text, colour(reached[-1] if reached else "text")


def _mapped(mapping: dict[str, Any], value: float) -> dict[str, Any] | None:
    if mapping["type"] == "value":
        found: dict[str, Any] | None = mapping["options"].get(f"{value:g}")
        return found
    options = mapping["options"]
    within = (options["from"] or float("-inf")) <= value <= (options["to"] or float("inf"))
    return options["result"] if within else None


def table(panel: dict[str, Any], axes: Axes, view: View, marks: Any) -> None:
    """Rows merged by their labels, columns in the order and under the names that the transformations say."""
    organised = panel["transformations"][1]["options"]
    letters = [target["refId"] for target in panel["targets"]]
    values = {letter: "Value" if len(letters) == 1 else f"Value #{letter}" for letter in letters}
    merged: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for target in panel["targets"]:
        for one in view.now(target["expr"]):
            row = merged.setdefault(tuple(sorted(one["metric"].items())), dict(one["metric"]))
            row[values[target["refId"]]] = float(one["value"][1])
    places = organised["indexByName"]
    hidden = {name for name in places if "custom.hidden" in properties_of(panel, name)}
    columns = [name for name in sorted(places, key=lambda name: places[name]) if name not in hidden]
    titles = {name: organised["renameByName"].get(name, name) for name in columns}
    rows = list(merged.values())
    for order in reversed(panel["options"]["sortBy"]):
        key = next(name for name, title in titles.items() if title == order["displayName"])
        known = [row for row in rows if key in row]
        known.sort(key=lambda row, key=key: row[key], reverse=order["desc"])
        rows = known + [row for row in rows if key not in row]
    _cells(panel, axes, columns, titles, rows)


def _cells(
    panel: dict[str, Any], axes: Axes, columns: list[str], titles: dict[str, str], rows: list[dict[str, Any]]
) -> None:
    height = panel["gridPos"]["h"]
    fits = int((height - 1.9) / 0.78)
    for number, name in enumerate(columns):
        x = 0.012 + number / len(columns) * 0.985
        axes.text(x, 1 - 1.1 / height, titles[name], transform=axes.transAxes, color="#6e9fff", size=7.5, va="center")
        for place, row in enumerate(rows[:fits]):
            value = row.get(name, "")
            text, tint = _said(panel, titles[name], value) if isinstance(value, float) else (value, colour("text"))
            y = 1 - (1.9 + 0.78 * place) / height
            axes.text(x, y, text, transform=axes.transAxes, color=tint, size=7.5, va="center", clip_on=True)
    if len(rows) > fits:
        axes.text(0.99, 0.03, f"{len(rows) - fits} more", transform=axes.transAxes, color=QUIET, size=6, ha="right")
