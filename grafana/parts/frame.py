"""What do both dashboards have around their panels? Variables, links, annotations, and a place for each panel."""

from __future__ import annotations

from typing import Any

from grafana.parts.panels import SOURCE
from grafana.parts.queries import increase
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

DOCS = "https://github.com/brimwatch/brimwatch/blob/main/daemon/docs"
FLEET_UID, TARGET_UID = "brimwatch-fleet", "brimwatch-target"
TAG = "brimwatch"
PANEL_WIDTH = 24
ALL = models.VariableOption(selected=True, text="All", value="$__all")
INSTANCE_PAGE = "http://${__data.fields.instance}/"  # the daemon's own page, of a row of a table
SERIES_PAGE = "http://${__field.labels.instance}/"  # the same, of a series


class Board:
    """A dashboard that is filled from the top, line by line."""

    def __init__(self, title: str, uid: str, description: str, selector: str) -> None:
        self._dashboard = builders.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
        self._dashboard.timezone("browser").time("now-3h", "now").refresh("30s")
        self._dashboard.tooltip(models.DashboardCursorSync.CROSSHAIR)
        for annotation in annotations(selector):
            self._dashboard.annotation(annotation)
        self._y = 0
        self._last = 0

    def variables(self, *variables: Any) -> None:
        """What the user may choose, at the top."""
        for variable in variables:
            self._dashboard.with_variable(variable)

    def links(self, *links: builders.DashboardLink) -> None:
        """Where one gets to from here, at the top."""
        for link in links:
            self._dashboard.link(link)

    def row(self, title: str) -> None:
        """A heading for the lines that follow."""
        place = models.GridPos(h=1, w=PANEL_WIDTH, x=0, y=self._y)
        self._dashboard.with_row(builders.Row(title).id(self._next()).grid_pos(place))
        self._y += 1

    def line(self, height: int, *panels: tuple[int, Any]) -> None:
        """Panels side by side, each with its width; together as wide as the dashboard.

        Raises ValueError where they are not.
        """
        x = 0
        for width, panel in panels:
            panel.id(self._next()).grid_pos(models.GridPos(h=height, w=width, x=x, y=self._y))
            self._dashboard.with_panel(panel)
            x += width
        if x != PANEL_WIDTH:
            raise ValueError(f"a line is {x} wide, not {PANEL_WIDTH}")
        self._y += height

    def build(self) -> models.Dashboard:
        """What was made of it."""
        return self._dashboard.build()

    def _next(self) -> int:
        self._last += 1
        return self._last


class Annotation(models.AnnotationQuery):
    """An annotation with what Grafana's Prometheus source reads and the SDK's model does not know."""

    texts: dict[str, object]

    def to_json(self) -> dict[str, object]:
        """All of it, as Grafana reads it."""
        return {**super().to_json(), **self.texts}


class _Built:
    """What the SDK takes: something that builds."""

    def __init__(self, annotation: Annotation) -> None:
        self._annotation = annotation

    def build(self) -> models.AnnotationQuery:
        return self._annotation


def annotations(selector: str) -> list[Any]:
    """Rungs that were run, kills by the kernel, configurations that were accepted."""
    of_daemon = selector.partition(", target=")[0]
    actions = f"sum by (instance, target, tier, action) ({increase('brimwatch_actions_total', selector)}) > 0"
    kills = f"sum by (instance, target, evidence) ({increase('brimwatch_target_oom_kills_total', selector)}) > 0"
    reloads = f"brimwatch_config_last_reload_success_timestamp_seconds{{{of_daemon}}} * 1000"
    return [
        _annotation("Actions", actions, "blue", "{{target}}: {{action}}", "rung of {{tier}} @ {{instance}}"),
        _annotation("OOM kills", kills, "red", "{{target}}: killed", "evidence: {{evidence}} @ {{instance}}"),
        _annotation("Reloads", reloads, "purple", "configuration accepted", "{{instance}}", useValueForTime=True),
    ]


def _annotation(name: str, expr: str, color: str, title: str, text: str, **more: object) -> _Built:
    annotation = Annotation(name=name, datasource=SOURCE, enable=True, hide=False, icon_color=color, expr=expr)
    annotation.texts = {"titleFormat": title, "textFormat": text, **more}
    return _Built(annotation)


def common_variables() -> list[Any]:
    """Data source, job and instance, as every dashboard for Prometheus has them."""
    source = builders.DatasourceVariable("datasource").label("Data source").type("prometheus")
    return [
        source.current(models.VariableOption(text="default", value="default")),
        several("job", "Job", "label_values(brimwatch_build_info, job)"),
        several("instance", "Instance", 'label_values(brimwatch_build_info{job=~"$job"}, instance)'),
    ]


def several(name: str, label: str, query: str, every: str = ".+") -> builders.QueryVariable:
    """A variable of which several values, or all, may be chosen."""
    return one(name, label, query).multi(True).include_all(True).all_value(every).current(ALL)


def one(name: str, label: str, query: str) -> builders.QueryVariable:
    variable = builders.QueryVariable(name).label(label).datasource(SOURCE).query(query)
    return variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)


def window(name: str, label: str, values: list[str], current: str) -> builders.IntervalVariable:
    choice = models.VariableOption(selected=True, text=current, value=current)
    options = [models.VariableOption(selected=value == current, text=value, value=value) for value in values]
    return builders.IntervalVariable(name).label(label).values(",".join(values)).options(options).current(choice)


def to_page(title: str, page: str) -> builders.DashboardLink:
    """A link to a page of the documentation."""
    link = builders.DashboardLink(title).type(models.DashboardLinkType.LINK).icon("doc").target_blank(True)
    return link.url(f"{DOCS}/{page}").tooltip(f"daemon/docs/{page}")


def to_dashboard(title: str, uid: str, tooltip: str) -> builders.DashboardLink:
    """A link to the other dashboard, with the same daemons and the same time."""
    link = builders.DashboardLink(title).type(models.DashboardLinkType.LINK).icon("dashboard").url(f"/d/{uid}")
    return link.tooltip(tooltip).keep_time(True).include_vars(True)
