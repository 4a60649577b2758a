"""How do the dashboards look? Their panels, drawn from their JSON and a real Prometheus's answers, without Grafana.

Covers what the two dashboards use: lines, bars and stacks, figures, tables, bands of tiers, units, mappings, colours,
overrides and annotations. Does not cover: legends with values, tooltips, anything that one can click on.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from tests.grafana.boards import Board, panels, substituted
from tests.grafana.scene import Prometheus
from tests.grafana.written import legend_of, properties_of, written

COLOURS = {
    "green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "dark-red": "#c4162a",
    "blue": "#5794f2", "purple": "#b877d9", "text": "#ccccdc",
}  # fmt: skip
CYCLE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
BACKGROUND, SURFACE, QUIET = "#111217", "#181b1f", "#8e8e9a"
COLUMN, UNIT = 0.62, 0.36  # inches of a column and of a unit of height


@dataclass(frozen=True)
class View:
    """What is looked at: a Prometheus, the variables' values, and the time."""

    prometheus: Prometheus
    values: dict[str, str]
    start: float
    end: float
    step: float

    def history(self, expr: str) -> list[dict[str, Any]]:
        return self.prometheus.history(substituted(expr, self.values), self.start, self.end, self.step)

    def now(self, expr: str) -> list[dict[str, Any]]:
        return self.prometheus.ask("query", query=substituted(expr, self.values), time=self.end)


def draw(board: Board, view: View, file: Path) -> None:
    """Write one picture of the whole dashboard."""
    places = [panel["gridPos"] for panel in board["panels"]]
    height = max(place["y"] + place["h"] for place in places) + 1
    figure = plt.figure(figsize=(24 * COLUMN, height * UNIT), facecolor=BACKGROUND)
    chosen = "   ".join(f"{name}: {view.values[name]}" for name in ("target", "window") if name in view.values)
    figure.text(0.006, 1 - 0.6 / height, board["title"], color="white", size=12, weight="bold", va="center")
    figure.text(0.5, 1 - 0.6 / height, chosen, color=QUIET, size=9, va="center")
    marks = [(one, view.history(one["expr"])) for one in board["annotations"]["list"]]
    for panel in board["panels"]:
        place = panel["gridPos"]
        left, width = place["x"] / 24, place["w"] / 24
        bottom = 1 - (place["y"] + 1 + place["h"]) / height
        box = (left + 0.0025, bottom + 0.1 / height, width - 0.005, (place["h"] - 0.2) / height)
        if panel["type"] == "row":
            figure.text(left + 0.006, bottom + 0.5 / height, panel["title"], color="#d5d5dc", size=9, va="center")
            continue
        axes = figure.add_axes(box, facecolor=SURFACE)
        axes.set(xticks=[], yticks=[])
        axes.text(0.01, 1 - 0.3 / place["h"], panel["title"], transform=axes.transAxes, color="#d5d5dc", size=7.5,
                  weight="bold", va="center")  # fmt: skip
        for spine in axes.spines.values():
            spine.set_color("#2a2d33")
        DRAWN[panel["type"]](panel, axes, view, marks)
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, dpi=100, facecolor=BACKGROUND)
    plt.close(figure)


def colour(name: str) -> str:
    return COLOURS.get(name, name)


def inner(axes: Axes, left: float = 0.07, bottom: float = 0.2, top: float = 0.88, right: float = 0.985) -> Axes:
    """The room inside of a panel, for what has scales."""
    box = axes.get_position()
    room = (
        box.x0 + left * box.width,
        box.y0 + bottom * box.height,
        (right - left) * box.width,
        (top - bottom) * box.height,
    )
    made = axes.figure.add_axes(room, facecolor=SURFACE)
    made.tick_params(colors=QUIET, labelsize=5.5, length=0, pad=2)
    for spine in made.spines.values():
        spine.set_visible(False)
    made.grid(color="#2a2d33", linewidth=0.5)
    return made


def of_time(view: View, axes: Axes) -> None:
    axes.set_xlim(0, view.end - view.start)
    axes.xaxis.set_major_formatter(lambda seconds, _: f"{int(seconds // 60)}:{int(seconds % 60):02d}")


@dataclass
class Series:
    """A line of a panel, with what its overrides say of it."""

    legend: str
    points: list[tuple[float, float]]
    properties: dict[str, Any]


def series_of(panel: dict[str, Any], view: View) -> list[Series]:
    found = []
    for target in panel["targets"]:
        for one in view.history(target["expr"]):
            legend = legend_of(target["legendFormat"], one["metric"])
            points = [(time - view.start, float(value)) for time, value in one["values"]]
            found.append(Series(legend, points, properties_of(panel, legend)))
    return found


def graph(panel: dict[str, Any], axes: Axes, view: View, marks: Any) -> None:
    """Lines, stacks and bars, the annotations as lines from top to bottom."""
    height = panel["gridPos"]["h"]
    shown = series_of(panel, view)
    room = inner(axes, left=0.075 if panel["gridPos"]["w"] < 20 else 0.03, bottom=1.9 / height, top=1 - 0.7 / height)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    bars = custom.get("drawStyle") == "bars"
    second = room.twinx() if any(one.properties.get("custom.axisPlacement") == "right" for one in shown) else None
    floor: dict[float, float] = {}
    handles = []
    for place, one in enumerate(shown):
        on_right = one.properties.get("custom.axisPlacement") == "right"
        fixed = one.properties.get("color", {}).get("fixedColor")
        line = _Line(
            colour(fixed) if fixed else CYCLE[place % len(CYCLE)], one, second if on_right and second else room
        )
        handles.append(line.drawn(floor if stacked and not on_right else {}, bars=bars, filled=stacked, step=view.step))
    of_time(view, room)
    _scale(room, panel["fieldConfig"]["defaults"])
    if second is not None:
        unit = next(one.properties["unit"] for one in shown if "unit" in one.properties)
        second.set_ylim(bottom=0)
        second.tick_params(colors=QUIET, labelsize=5.5, length=0, pad=2)
        second.yaxis.set_major_formatter(lambda value, _: written(value, unit))
    _marked(room, view, marks)
    _legend(axes, shown, handles, height)


@dataclass
class _Line:
    colour: str
    series: Series
    axes: Axes

    def drawn(self, floor: dict[float, float], *, bars: bool, filled: bool, step: float) -> Any:
        points = [(time, value) for time, value in self.series.points if abs(value) < float("inf")]
        times, values = [time for time, _ in points], [value for _, value in points]
        dashed = "custom.lineStyle" in self.series.properties
        if dashed or not (bars or filled):
            width = 0.9 * self.series.properties.get("custom.lineWidth", 1.2)
            style = (0, (5, 3)) if dashed else "-"
            return self.axes.plot(times, values, color=self.colour, linewidth=width, linestyle=style)[0]
        below = [floor.get(time, 0.0) for time in times]
        floor.update({time: low + value for time, low, value in zip(times, below, values, strict=True)})
        if bars:
            return self.axes.bar(times, values, width=step * 0.8, bottom=below, color=self.colour, alpha=0.75)
        above = [low + value for low, value in zip(below, values, strict=True)]
        self.axes.fill_between(times, below, above, color=self.colour, alpha=0.35, linewidth=0)
        return self.axes.plot(times, above, color=self.colour, linewidth=0.8)[0]


def _scale(axes: Axes, defaults: dict[str, Any]) -> None:
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"])
    if "max" in defaults:
        axes.set_ylim(top=defaults["max"])
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: written(value, defaults["unit"]))


def _marked(axes: Axes, view: View, marks: Any) -> None:
    for annotation, found in marks:
        for one in found:
            times = [float(value) / 1000 if annotation.get("useValueForTime") else at for at, value in one["values"]]
            for time in times[:1] if annotation.get("useValueForTime") else _begun(times, view.step):
                if view.start <= time <= view.end:
                    axes.axvline(time - view.start, color=colour(annotation["iconColor"]), linewidth=0.6, linestyle=":")


def _begun(times: list[float], step: float) -> list[float]:
    """Where each run of neighbouring times begins: Grafana draws one region for each."""
    return [time for place, time in enumerate(times) if place == 0 or time - times[place - 1] > 1.5 * step]


def _legend(axes: Axes, shown: list[Series], handles: list[Any], height: int) -> None:
    if not shown:
        axes.text(0.5, 0.5, "No data", transform=axes.transAxes, color=QUIET, size=8, ha="center", va="center")
        return
    names = [one.legend if len(one.legend) < 34 else one.legend[:32] + ".." for one in shown]
    columns = max(1, int(axes.get_position().width * 150 / (max(map(len, names)) + 5)))
    fits = 2 * columns
    legend = axes.legend(
        handles[:fits], names[:fits], loc="lower left", bbox_to_anchor=(0, 0), ncols=columns, frameon=False,
        fontsize=5.5, labelcolor="#ccccdc", handlelength=1.2, columnspacing=1.0, borderpad=0.2, labelspacing=0.25,
    )  # fmt: skip
    legend.set_zorder(5)


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
            axes.text(x, under, words, transform=axes.transAxes, color=QUIET, size=6.5, ha="center", va="center")


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


def bands(panel: dict[str, Any], axes: Axes, view: View, marks: Any) -> None:
    """One band for each series, in the colours of the values' mappings."""
    shown = series_of(panel, view)
    height = panel["gridPos"]["h"]
    room = inner(axes, left=0.11, bottom=1.0 / height, top=1 - 0.7 / height)
    options = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    for place, one in enumerate(shown):
        for time, value in one.points:
            tint = colour(options[f"{value:g}"]["color"])
            room.broken_barh([(time, view.step * 1.05)], (place - 0.42, 0.84), facecolors=tint, linewidth=0)
    room.set_yticks(range(len(shown)), [re.sub(r"\s+", " ", one.legend)[:34] for one in shown])
    room.grid(visible=False)
    of_time(view, room)
    _marked(room, view, marks)


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
    columns = [name for name in organised["indexByName"] if "custom.hidden" not in properties_of(panel, name)]
    titles = {name: organised["renameByName"].get(name, name) for name in columns}
    (order,) = panel["options"]["sortBy"]
    key = next(name for name, title in titles.items() if title == order["displayName"])
    absent = (1, 0.0)
    rows = sorted(merged.values(), key=lambda row: (0, row[key]) if key in row else absent, reverse=order["desc"])
    _cells(panel, axes, columns, titles, rows)


def _cells(
    panel: dict[str, Any], axes: Axes, columns: list[str], titles: dict[str, str], rows: list[dict[str, Any]]
) -> None:
    height = panel["gridPos"]["h"]
    fits = int((height - 2.0) / 0.72)
    for number, name in enumerate(columns):
        x = 0.012 + number / len(columns) * 0.985
        axes.text(x, 1 - 1.1 / height, titles[name], transform=axes.transAxes, color="#6e9fff", size=6.5, va="center")
        for place, row in enumerate(rows[:fits]):
            value = row.get(name, "")
            text, tint = _said(panel, titles[name], value) if isinstance(value, float) else (value, colour("text"))
            y = 1 - (1.85 + 0.72 * place) / height
            axes.text(x, y, text, transform=axes.transAxes, color=tint, size=6.5, va="center", clip_on=True)
    if len(rows) > fits:
        axes.text(0.99, 0.03, f"{len(rows) - fits} more", transform=axes.transAxes, color=QUIET, size=6, ha="right")


DRAWN = {"timeseries": graph, "stat": figure, "state-timeline": bands, "table": table}


def kinds(board: Board) -> set[str]:
    """Types of panels that the board has; one that is not in DRAWN cannot be drawn."""
    return {panel["type"] for panel in panels(board)}
