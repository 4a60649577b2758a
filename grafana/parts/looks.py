"""What do colours, words and lines mean? The same on both dashboards."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

CALM, WARNING, CRITICAL, EMERGENCY = "green", "yellow", "orange", "red"
TIERS = {0: ("calm", CALM), 1: ("warning", WARNING), 2: ("critical", CRITICAL), 3: ("emergency", EMERGENCY)}
NEVER = 315_360_000.0  # seconds, ten years: a time to the limit beyond it is said in words

Properties = list[models.DynamicConfigValue]


def result(text: str, color: str | None = None, index: int = 0) -> models.ValueMappingResult:
    return models.ValueMappingResult(text=text, color=color, index=index)


def words(table: dict[int, tuple[str, str]]) -> list[models.ValueMapping]:
    """A word and a colour for each value."""
    return [models.ValueMap({str(value): result(*said, value) for value, said in table.items()})]


def tier_words() -> list[models.ValueMapping]:
    return words(TIERS)


def yes_or_no(yes: str, no: str) -> list[models.ValueMapping]:
    return words({0: (no, EMERGENCY), 1: (yes, CALM)})


def no_end() -> list[models.ValueMapping]:
    """`+Inf` is what the exporter says while nothing leads to the limit."""
    span = models.DashboardRangeMapOptions(from_val=NEVER, to=None, result=result("none in sight", CALM))
    return [models.RangeMap(span)]


def steps(*pairs: tuple[float | None, str]) -> builders.ThresholdsConfig:
    """Colours from a value on; the first pair's value is None: from the least on."""
    levels = [models.Threshold(value=value, color=color) for value, color in pairs]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(levels)


def fixed(color: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def dashed(color: str, width: int = 1) -> Properties:
    """A line to compare with, not a measurement."""
    return [
        fixed(color),
        models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 6]}),
        models.DynamicConfigValue("custom.lineWidth", width),
        models.DynamicConfigValue("custom.fillOpacity", 0),
        models.DynamicConfigValue("custom.stacking", {"mode": "none", "group": "A"}),
    ]


def tier_lines() -> dict[str, Properties]:
    """Series whose legend begins with a tier's name are drawn as its threshold."""
    return {f"/^{word}:/": dashed(color) for word, color in TIERS.values() if word != "calm"}


def tier_colours() -> dict[str, Properties]:
    return {f"/^{word}$/": [fixed(color)] for word, color in TIERS.values()}


def link(title: str, url: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue("links", [{"title": title, "url": url, "targetBlank": False}])


def right(unit: str) -> Properties:
    """A scale of its own on the right."""
    return [models.DynamicConfigValue("unit", unit), models.DynamicConfigValue("custom.axisPlacement", "right")]
