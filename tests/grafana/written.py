"""How does Grafana write values and legends? Units, decimals and `{{label}}`, as far as the dashboards use them."""

import math
import re
from datetime import UTC, datetime
from typing import Any

DECIMAL = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
TIMES = ((86400 * 365, "years"), (86400, "days"), (3600, "hours"), (60, "mins"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))


def short(value: float, decimals: int | None) -> str:
    """A number with as many decimals as tell it apart."""
    if decimals is None:
        decimals = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:.{decimals}f}"


def scaled(value: float, scale: tuple[tuple[float, str], ...], least: str, decimals: int | None) -> str:
    for factor, unit in scale:
        if abs(value) >= factor:
            return f"{short(value / factor, decimals)} {unit}"
    return f"{short(value, decimals)} {least}".strip()


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """A value in a unit of Grafana's; raises KeyError for a unit that is not in use here."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞"
    if unit in ("decbytes", "Bps"):
        text = scaled(value, DECIMAL, "B", decimals)
        return f"{text}/s" if unit == "Bps" else text
    if unit == "s":
        return "0 s" if value == 0 else scaled(value, TIMES, "s", decimals)
    if unit == "percentunit":
        return f"{short(value * 100, decimals)}%"
    if unit == "dateTimeAsIso":
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if unit in ("short", "none"):
        return scaled(value, ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K")), "", decimals)
    return f"{short(value, decimals)} {({'cps': 'c/s'})[unit]}"


def legend_of(form: str, metric: dict[str, str]) -> str:
    """The legend of a series: `{{label}}` by its value, `__auto` by the labels."""
    if form == "__auto":
        return " ".join(value for name, value in metric.items() if name != "__name__")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: metric.get(found[1], ""), form).strip()


def properties_of(panel: dict[str, Any], legend: str) -> dict[str, Any]:
    """What the overrides say of a series or column of this name; later ones win."""
    found: dict[str, Any] = {}
    for override in panel["fieldConfig"]["overrides"]:
        wanted = override["matcher"]["options"]
        by_name = override["matcher"]["id"] == "byName"
        if wanted == legend if by_name else re.search(wanted.strip("/"), legend):
            found.update({one["id"]: one.get("value") for one in override["properties"]})
    return found
