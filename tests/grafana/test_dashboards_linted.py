"""Do the dashboards keep every rule of Grafana's dashboard-linter, and does each rule find its fault?"""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.grafana.boards import FILES, Board, panels, read
from tests.grafana.linting import RULES


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dashboard_keeps_the_rule(path: Path, rule: str) -> None:
    assert list(RULES[rule](read(path))) == []


def first(board: Board) -> Board:
    return next(panels(board))


def variable(board: Board, name: str) -> Board:
    return next(one for one in board["templating"]["list"] if one["name"] == name)


def asks(expr: str) -> Callable[[Board], None]:
    return lambda board: first(board)["targets"][0].update(expr=expr)


BOTH = 'job=~"$job", instance=~"$instance"'
FAULTS: dict[str, list[Callable[[Board], object]]] = {
    "template-datasource-rule": [lambda board: variable(board, "datasource").update(name="prometheus")],
    "template-job-rule": [
        lambda board: variable(board, "job").update(multi=False),
        lambda board: variable(board, "job").update(allValue=".*"),
        lambda board: board["templating"]["list"].remove(variable(board, "job")),
    ],
    "template-instance-rule": [lambda board: variable(board, "instance").update(label="Host")],
    "template-label-promql-rule": [
        lambda board: variable(board, "job").update(query="values(up, job)"),
        lambda board: variable(board, "job").update(query="label_values(up{, job)"),
    ],
    "template-on-time-change-reload-rule": [lambda board: variable(board, "job").update(refresh=1)],
    "panel-datasource-rule": [lambda board: first(board)["datasource"].update(uid="P1809F7CD0C75ACF3")],
    "panel-title-description-rule": [lambda board: first(board).pop("description")],
    "panel-units-rule": [
        lambda board: first(board)["fieldConfig"]["defaults"].pop("unit"),
        lambda board: first(board)["fieldConfig"]["defaults"].update(unit="bytes per fortnight"),
    ],
    "panel-no-targets-rule": [lambda board: first(board).update(targets=[])],
    "target-logql-rule": [lambda board: first(board)["targets"][0]["datasource"].update(type="loki")],
    "target-logql-auto-rule": [lambda board: first(board)["targets"][0]["datasource"].update(type="loki")],
    "target-promql-rule": [asks("sum(up"), asks("up{job=~$jab}"), asks("")],
    "target-rate-interval-rule": [
        asks(f"rate(x_total{{{BOTH}}}[5m])"),
        asks(f"sum(irate(x_total{{{BOTH}}}[$__range]))"),
    ],
    "target-job-rule": [
        asks('up{instance=~"$instance"}'),
        asks(f'up{{{BOTH}}} / up{{job="$job", instance=~"$instance"}}'),
    ],
    "target-instance-rule": [asks('up{job=~"$job"}')],
    "target-counter-agg-rule": [
        asks(f"sum(x_total{{{BOTH}}})"),
        asks(f"max_over_time(x_total{{{BOTH}}}[$__rate_interval])"),
        asks(f"x_total{{{BOTH}}} - x_total{{{BOTH}}} offset 1h"),
    ],
    "uneditable-dashboard": [lambda board: board.update(editable=True)],
    "provisioned as it is": [lambda board: board.update(__inputs=[]), lambda board: board.update(uid="dQw4w9Wg")],
}


def test_every_rule_has_a_fault_to_find() -> None:
    assert set(FAULTS) == set(RULES)


@pytest.mark.parametrize("rule", FAULTS)
def test_a_rule_finds_its_fault(rule: str) -> None:
    whole = read(FILES[0])
    for spoil in FAULTS[rule]:
        board = copy.deepcopy(whole)
        spoil(board)
        assert list(RULES[rule](board)) != []
