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
from tests.grafana.boards import Board
from tests.grafana.looking import BACKGROUND, COLUMN, CYCLE, QUIET, SURFACE, UNIT, View, colour
from tests.grafana.render_text import figure, table
from tests.grafana.written import legend_of, properties_of, written


def draw(board: Board, view: View, file: Path) -> None:
    """Write one picture of the whole dashboard."""
    places = [panel["gridPos"] for panel in board["panels"]]
    height = max(place["y"] + place["h"] for place in places) + 1
    canvas = plt.figure(figsize=(24 * COLUMN, height * UNIT), facecolor=BACKGROUND)
    has = {variable["name"] for variable in board["templating"]["list"]}
    chosen = "   ".join(f"{name}: {view.values[name]}" for name in ("target", "window") if name in has)
    canvas.text(0.006, 1 - 0.6 / height, board["title"], color="white", size=12, weight="bold", va="center")
    canvas.text(0.5, 1 - 0.6 / height, chosen, color=QUIET, size=9, va="center")
    marks = [(one, view.history(one["expr"])) for one in board["annotations"]["list"]]
    for panel in board["panels"]:
        place = panel["gridPos"]
        left, width = place["x"] / 24, place["w"] / 24
        bottom = 1 - (place["y"] + 1 + place["h"]) / height
        box = (left + 0.0025, bottom + 0.1 / height, width - 0.005, (place["h"] - 0.2) / height)
        if panel["type"] == "row":
            canvas.text(left + 0.006, bottom + 0.5 / height, panel["title"], color="#d5d5dc", size=9, va="center")
            continue
        axes = canvas.add_axes(box, facecolor=SURFACE)
        axes.set(xticks=[], yticks=[])
        title = {"color": "#d5d5dc", "size": 8.5, "weight": "bold", "va": "center"}
        axes.text(0.1 / place["w"], 1 - 0.35 / place["h"], panel["title"], transform=axes.transAxes, **title)
        for spine in axes.spines.values():
            spine.set_color("#2a2d33")
        DRAWN[panel["type"]](panel, axes, view, marks)
    file.parent.mkdir(exist_ok=True)
    canvas.savefig(file, dpi=120, facecolor=BACKGROUND)
    plt.close(canvas)


def inner(axes: Axes, panel: dict[str, Any], *, left: float, under: float, right: float = 0.08) -> Axes:
    """The room inside of a panel, for what has scales; left and right in inches, under in units of height."""
    box, place = axes.get_position(), panel["gridPos"]
    inch, unit = box.width / (place["w"] * COLUMN), box.height / place["h"]
    width, height = box.width - (left + right) * inch, box.height - (under + 0.75) * unit
    made = axes.figure.add_axes((box.x0 + left * inch, box.y0 + under * unit, width, height), facecolor=SURFACE)
    made.tick_params(colors=QUIET, labelsize=6.5, length=0, pad=2)
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
    shown = series_of(panel, view)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    bars = custom.get("drawStyle") == "bars"
    sides = [one.properties.get("custom.axisPlacement") == "right" for one in shown]
    room = inner(axes, panel, left=0.45, under=1.9, right=0.45 if any(sides) else 0.08)
    second = room.twinx() if any(sides) else None
    floor: dict[float, float] = {}
    handles = []
    for place, (one, on_right) in enumerate(zip(shown, sides, strict=True)):
        fixed = one.properties.get("color", {}).get("fixedColor")
        tint = colour(fixed) if fixed else CYCLE[place % len(CYCLE)]
        line = _Line(tint, one, second if on_right and second else room)
        handles.append(line.drawn(floor if stacked and not on_right else {}, bars=bars, filled=stacked, step=view.step))
    of_time(view, room)
    _scale(room, panel["fieldConfig"]["defaults"])
    if second is not None:
        unit = next(one.properties["unit"] for one in shown if "unit" in one.properties)
        second.set_ylim(bottom=0)
        second.tick_params(colors=QUIET, labelsize=6.5, length=0, pad=2)
        second.yaxis.set_major_formatter(lambda value, _: written(value, unit))
    _marked(room, view, marks)
    if not shown:
        room.text(0.5, 0.5, "No data", transform=room.transAxes, color=QUIET, size=9, ha="center", va="center")
        return
    _legend(axes, panel, shown, handles)


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
    if axes.get_ylim()[1] < 0.06 and max(map(_highest, axes.lines), default=0.0) == 0:
        axes.set_ylim(top=1)  # nothing but 0
    if "max" in defaults:
        axes.set_ylim(top=defaults["max"])
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: written(value, defaults["unit"]))


def _highest(line: Any) -> float:
    return max((abs(value) for value in line.get_ydata()), default=0.0)


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


def _legend(axes: Axes, panel: dict[str, Any], shown: list[Series], handles: list[Any]) -> None:
    names = [one.legend if len(one.legend) < 34 else one.legend[:32] + ".." for one in shown]
    wide = 0.35 + 0.05 * max(map(len, names))  # inches of a legend
    columns = max(1, int(panel["gridPos"]["w"] * COLUMN / wide))
    fits = 3 * columns
    legend = axes.legend(
        handles[:fits], names[:fits], loc="lower left", bbox_to_anchor=(0, 0), ncols=columns, frameon=False,
        fontsize=6.5, labelcolor="#ccccdc", handlelength=1.2, columnspacing=1.0, borderpad=0.2, labelspacing=0.25,
    )  # fmt: skip
    legend.set_zorder(5)


def bands(panel: dict[str, Any], axes: Axes, view: View, marks: Any) -> None:
    """One band for each series, in the colours of the values' mappings."""
    shown = series_of(panel, view)
    room = inner(axes, panel, left=1.6, under=1.0)
    options = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    for place, one in enumerate(shown):
        for time, value in one.points:
            tint = colour(options[f"{value:g}"]["color"])
            room.broken_barh([(time, view.step * 1.05)], (place - 0.42, 0.84), facecolors=tint, linewidth=0)
    room.set_yticks(range(len(shown)), [re.sub(r"\s+", " ", one.legend)[:34] for one in shown])
    room.grid(visible=False)
    of_time(view, room)
    _marked(room, view, marks)


DRAWN = {"timeseries": graph, "stat": figure, "state-timeline": bands, "table": table}
