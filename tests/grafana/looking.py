"""What do the pictures of the dashboards have in common? Colours, and what is looked at."""

from dataclasses import dataclass
from typing import Any

from tests.grafana.boards import substituted
from tests.grafana.scene import Prometheus

COLOURS = {
    "green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "dark-red": "#c4162a",
    "blue": "#5794f2", "purple": "#b877d9", "text": "#ccccdc",
}  # fmt: skip
CYCLE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
BACKGROUND, SURFACE, QUIET = "#111217", "#181b1f", "#8e8e9a"
COLUMN, UNIT = 0.55, 0.37  # inches of a column and of a unit of height


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


def colour(name: str) -> str:
    return COLOURS.get(name, name)
