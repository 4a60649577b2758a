"""Which kinds of panels are there? Each takes a title, what to look for in it, a unit and queries."""

from __future__ import annotations

from typing import Any

from grafana.parts.looks import Properties, fixed, steps, tier_words
from grafana.parts.queries import SUBJECT, Query
from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as asked

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
Overrides = dict[str, Properties]


def graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    stacked: bool = False,
    bars: bool = False,
    overrides: Overrides | None = None,
    lowest: float | None = 0,
    highest: float | None = None,
) -> timeseries.Panel:
    """Lines over time; `bars` for what is counted, `stacked` for parts of a whole. Keys of `overrides` are legends."""
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST).show_legend(True)
    panel = _filled(timeseries.Panel(), title, description, unit, queries, overrides)
    panel.line_width(1).fill_opacity(60 if bars else 25 if stacked else 5).show_points(options.VisibilityMode.NEVER)
    panel.legend(legend.placement(options.LegendPlacement.BOTTOM).calcs([]))
    panel.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
    if bars:
        panel.draw_style(options.GraphDrawStyle.BARS)
    if stacked or bars:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    if lowest is not None:
        panel.min(lowest)
    if highest is not None:
        panel.max(highest)
    return panel


def number(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    colours: tuple[tuple[float | None, str], ...] = ((None, "text"),),
    mappings: list[models.ValueMapping] | None = None,
    overrides: Overrides | None = None,
    decimals: int | None = None,
    named: bool = False,
    nothing: str = "no data",
    calc: str = "lastNotNull",
) -> stat.Panel:
    """A figure to be read from afar, coloured from thresholds on.

    `named` says whose it is, `nothing` stands where there is no data.
    """
    panel = _filled(stat.Panel(), title, description, unit, queries, overrides)
    panel.reduce_options(common.ReduceDataOptions().calcs([calc]).values(False))
    panel.thresholds(steps(*colours)).no_value(nothing)
    panel.color_mode(options.BigValueColorMode.VALUE).graph_mode(options.BigValueGraphMode.NONE)
    if named:
        panel.text_mode(options.BigValueTextMode.VALUE_AND_NAME)
    if mappings is not None:
        panel.mappings(mappings)
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def tiers(title: str, description: str, *queries: Query) -> statetimeline.Panel:
    """Which tier held when, one band for each series."""
    panel = _filled(statetimeline.Panel(), title, description, "none", queries, None)
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST).show_legend(True)
    panel.legend(legend.placement(options.LegendPlacement.BOTTOM).calcs([]))
    return panel.mappings(tier_words()).merge_values(True).show_value(options.VisibilityMode.AUTO).row_height(0.85)


def rows(
    title: str,
    description: str,
    columns: dict[str, tuple[Query, Properties]],
    labels: dict[str, Properties],
    *,
    sort: dict[str, bool],
) -> table.Panel:
    """One row for each set of labels: `labels` are shown first, then `columns`, both in their order.

    `sort` names columns, and whether the largest comes first. The queries of all columns have the same labels, so that
    their rows are merged into one.
    """
    queries = [query for query, _ in columns.values()]
    panel = _filled(table.Panel(), title, description, "short", queries, None)
    references = [_letter(place) for place in range(len(queries))]
    values = ["Value"] if len(queries) == 1 else [f"Value #{letter}" for letter in references]
    renamed = dict(zip(values, columns, strict=True))
    order = {name: place for place, name in enumerate([*labels, *values])}
    hidden = {name: True for name in ("Time", *SUBJECT.split(", "), "__name__") if name not in labels}
    panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    organise = {"excludeByName": hidden, "indexByName": order, "renameByName": renamed}
    panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organise))
    for name, (_, properties) in columns.items():
        panel.override_by_name(name, properties)
    for name, properties in labels.items():
        panel.override_by_name(name, properties)
    return panel.sort_by([common.TableSortByFieldState().display_name(name).desc(down) for name, down in sort.items()])


def _filled(panel: Any, title: str, description: str, unit: str, queries: Any, overrides: Overrides | None) -> Any:
    """What every panel has. The builders of the SDK share no type that says so."""
    panel.title(title).description(description).unit(unit).datasource(SOURCE)
    for place, query in enumerate(queries):
        panel.with_target(_target(query, _letter(place), tabular=isinstance(panel, table.Panel)))
    for legend, properties in (overrides or {}).items():
        if legend.startswith("/"):
            panel.override_by_regexp(legend, properties)
        else:
            panel.override_by_name(legend, properties)
    return panel


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def _target(query: Query, letter: str, *, tabular: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(letter).datasource(SOURCE)
    target.format(asked.PromQueryFormat.TABLE if tabular else asked.PromQueryFormat.TIME_SERIES)
    target.legend_format(query.legend or "__auto")
    return target.instant() if tabular or query.instant else target.range()


def coloured(**legends: str) -> Overrides:
    """A fixed colour for each legend; `_` in a key stands for a blank."""
    return {legend.replace("_", " "): [fixed(color)] for legend, color in legends.items()}
