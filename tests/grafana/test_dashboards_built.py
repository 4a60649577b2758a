"""Are the dashboards that are committed those that the script builds, and do they name what the exporter has?"""

import re
from pathlib import Path

import pytest
from grafana.build import dashboards
from grafana.parts.left_out import LEFT_OUT
from tests.grafana.boards import FILES, annotation_queries, exported, metrics_of, panels, queries, read

FROM_ELSEWHERE = {
    "up": "Prometheus itself",
    "process_resident_memory_bytes": "prometheus-client's collector of its own process",
    "process_cpu_seconds_total": "the same",
    "process_open_fds": "the same",
}


def names() -> set[str]:
    boards = [read(path) for path in FILES]
    return metrics_of([query.expr for board in boards for query in [*queries(board), *annotation_queries(board)]])


def test_the_files_are_what_the_script_builds() -> None:
    assert {path.name: path.read_text() for path in FILES} == dashboards()


def test_every_metric_that_is_asked_for_is_exported() -> None:
    assert names() - set(exported()) == set(FROM_ELSEWHERE)


def test_every_metric_that_is_exported_is_on_a_panel_or_left_out_with_a_reason() -> None:
    shown = {exported()[name] for name in names() if name in exported()}

    assert set(exported().values()) - shown == set(LEFT_OUT)
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_panel_lies_upon_another_and_none_is_named_twice(path: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    found = list(panels(read(path)))
    for panel in found:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
        assert place["x"] + place["w"] <= 24
    for key in ("id", "title"):
        assert len({panel[key] for panel in found}) == len(found)


def test_the_dashboards_lead_to_each_other_to_the_runbook_and_to_the_daemon() -> None:
    texts = {path.name: path.read_text() for path in FILES}
    urls = {name: set(re.findall(r'"url": "([^"?]+)', text)) for name, text in texts.items()}

    assert {name for name, found in urls.items() if any(url.endswith("/runbook.md") for url in found)} == set(texts)
    assert "/d/brimwatch-target" in urls["fleet.json"]
    assert "/d/brimwatch-fleet" in urls["target.json"]
    assert "http://${__data.fields.instance}/" in urls["fleet.json"]
    assert "http://${__field.labels.instance}/" in urls["target.json"]


def test_actions_kills_and_reloads_are_marked_on_both() -> None:
    for path in FILES:
        assert [one["name"] for one in read(path)["annotations"]["list"]] == ["Actions", "OOM kills", "Reloads"]


def test_the_lines_of_tiers_come_from_the_thresholds() -> None:
    (hero,) = [panel for panel in panels(read(FILES[1])) if panel["title"] == "Size, limit and tiers"]
    (line,) = [target for target in hero["targets"] if "brimwatch_target_threshold" in target["expr"]]
    matchers = [override["matcher"]["options"] for override in hero["fieldConfig"]["overrides"]]

    assert line["legendFormat"] == "{{tier}}: {{signal}}"
    assert matchers[:3] == ["/^warning:/", "/^critical:/", "/^emergency:/"]
