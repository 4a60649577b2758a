"""Which rules does Grafana's dashboard-linter have? Each is a function from a dashboard to its faults.

Source: https://github.com/grafana/dashboard-linter, docs/index.md and lint/rule_*.go as of June 2026. They are stricter
here: they hold for every type of panel, and a counter is known by its name, with or without matchers.
"""

import re
from collections.abc import Callable, Iterator

import promql_parser as promql
from tests.grafana.boards import SAMPLE, Asked, Board, panels, parsed, queries, selectors, substituted

Rule = Callable[[Board], Iterator[str]]
SOURCE = "${datasource}"
RATE_INTERVAL = promql.parse(f"x[{SAMPLE['__rate_interval']}]").range
UNITS = {
    "none",
    "short",
    "percentunit",
    "decbytes",
    "Bps",
    "cps",
    "s",
    "dateTimeAsIso",
}  # of its list


def variables(board: Board, kind: str) -> list[Board]:
    return [variable for variable in board["templating"]["list"] if variable["type"] == kind]


def good(board: Board) -> Iterator[tuple[Asked, str]]:
    """Queries that parse, with variables put in: what does not is the fault of another rule."""
    for query in queries(board):
        try:
            expr = substituted(query.expr, {**SAMPLE, "job": "$job", "instance": "$instance"})
            promql.parse(expr)
        except (ValueError, KeyError):
            continue
        yield query, expr


def template_datasource(board: Board) -> Iterator[str]:
    found = variables(board, "datasource")
    if [(one["name"], one["label"], one["query"]) for one in found] != [("datasource", "Data source", "prometheus")]:
        yield "wants one data source variable, named datasource and labelled Data source"


def _template(board: Board, name: str, label: str) -> Iterator[str]:
    found = [one for one in board["templating"]["list"] if one["name"] == name]
    wanted = {"type": "query", "label": label, "multi": True, "includeAll": True, "allValue": ".+"}
    if not found:
        yield f"has no variable {name}"
        return
    has = {key: found[0].get(key) for key in wanted}
    if has != wanted or found[0]["datasource"]["uid"] != SOURCE:
        yield f"{name} is {has}"


def template_job(board: Board) -> Iterator[str]:
    yield from _template(board, "job", "Job")


def template_instance(board: Board) -> Iterator[str]:
    yield from _template(board, "instance", "Instance")


def template_label_promql(board: Board) -> Iterator[str]:
    for variable in variables(board, "query"):
        found = re.fullmatch(r"(label_names|label_values|metrics|query_result)\((.+?)(?:, \w+)?\)", variable["query"])
        try:
            promql.parse(substituted(found[2], SAMPLE) if found else "")
        except ValueError:
            yield f"{variable['name']} asks {variable['query']}"


def template_on_time_change_reload(board: Board) -> Iterator[str]:
    yield from (f"{one['name']} is not read again" for one in variables(board, "query") if one["refresh"] != 2)


def panel_datasource(board: Board) -> Iterator[str]:
    for panel in panels(board):
        uids = [panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])]
        if set(uids) != {SOURCE}:
            yield f"{panel['title']} asks {uids}"


def panel_title_description(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']} has no title or no description"


def panel_units(board: Board) -> Iterator[str]:
    for panel in panels(board):
        config = panel["fieldConfig"]
        changed = [one["value"] for over in config["overrides"] for one in over["properties"] if one["id"] == "unit"]
        if not {config["defaults"].get("unit"), *changed} <= UNITS:
            yield f"{panel['title']} has no unit, or one that Grafana does not know"


def panel_no_targets(board: Board) -> Iterator[str]:
    yield from (f"{panel['title']} asks nothing" for panel in panels(board) if not panel.get("targets"))


def target_logql(board: Board) -> Iterator[str]:
    """Nothing here asks Loki, so that no query can be wrong LogQL, or lack `$__auto`."""
    for panel in panels(board):
        if {target["datasource"]["type"] for target in panel["targets"]} - {"prometheus"}:
            yield f"{panel['title']} asks something else than Prometheus"


def target_promql(board: Board) -> Iterator[str]:
    for query in queries(board):
        try:
            promql.parse(substituted(query.expr, SAMPLE))
        except (ValueError, KeyError) as error:
            yield f"{query}: {error}"


def target_rate_interval(board: Board) -> Iterator[str]:
    for query, expr in good(board):
        for found in parsed(expr):
            if isinstance(found.node, promql.MatrixSelector) and found.node.range != RATE_INTERVAL:
                function = found.above[-1].func.name if found.above and hasattr(found.above[-1], "func") else ""
                if function in ("", "rate", "irate"):
                    yield f"{query}: {function} over something else than $__rate_interval"


def _matcher(board: Board, name: str) -> Iterator[str]:
    for query, expr in good(board):
        for found in selectors(expr):
            has = [(one.name, one.op, one.value) for one in found.node.matchers.matchers]
            if (name, promql.MatchOp.Re, f"${name}") not in has:
                yield f'{query}: {found.node.name} without {name}=~"${name}"'


def target_job(board: Board) -> Iterator[str]:
    yield from _matcher(board, "job")


def target_instance(board: Board) -> Iterator[str]:
    yield from _matcher(board, "instance")


def target_counter_agg(board: Board) -> Iterator[str]:
    for query, expr in good(board):
        for found in selectors(expr):
            names = [getattr(getattr(node, "func", None), "name", None) for node in found.above[-2:-1]]
            if found.node.name.endswith("_total") and names not in (["rate"], ["irate"], ["increase"]):
                yield f"{query}: the counter {found.node.name} outside of rate and increase"


def uneditable(board: Board) -> Iterator[str]:
    if board["editable"] is not False:
        yield "is editable"


def provisioned_as_it_is(board: Board) -> Iterator[str]:
    """Ours: what an export "for sharing" has, and an import asks for, cannot be provisioned."""
    if "__inputs" in board or "__requires" in board or board.get("id") is not None:
        yield "was exported for sharing, or from one server"
    if not re.fullmatch(r"brimwatch-[a-z]+", board["uid"]):
        yield "has no uid that stays"


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-logql-rule": target_logql,
    "target-logql-auto-rule": target_logql,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable,
    "provisioned as it is": provisioned_as_it_is,
}
