"""Are values, legends and overrides written as Grafana writes them? What the pictures show depends on it."""

import math

import pytest
from tests.grafana.boards import FILES, panels, read
from tests.grafana.render import DRAWN
from tests.grafana.written import legend_of, properties_of, written

VALUES = {
    "bytes are powers of 1000": (153_500_000.0, "decbytes", "154 MB"),
    "no bytes": (0.0, "decbytes", "0 B"),
    "a fall is negative": (-41_900_000.0, "Bps", "-41.9 MB/s"),
    "a share is in per cent": (0.0649, "percentunit", "6.49%"),
    "short times are in small units": (0.0032, "s", "3.20 ms"),
    "long times are in large ones": (5400.0, "s", "1.50 hours"),
    "no end": (math.inf, "s", "∞"),
    "nothing ran": (math.nan, "percentunit", "NaN"),
    "counts": (41_300.0, "short", "41.3 K"),
    "a moment": (1_759_996_400_000.0, "dateTimeAsIso", "2025-10-09 07:53:20"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_is_written_in_its_unit(case: str) -> None:
    value, unit, expected = VALUES[case]

    assert written(value, unit) == expected


def test_a_unit_that_is_not_in_use_is_no_number_without_one() -> None:
    with pytest.raises(KeyError):
        written(1.0, "furlongs")


@pytest.mark.parametrize(
    ("form", "expected"),
    [("{{target}} {{member}} @ {{instance}}", "shop  @ a:1"), ("p99", "p99"), ("__auto", "shop a:1")],
)
def test_a_legend_has_the_values_of_labels(form: str, expected: str) -> None:
    assert legend_of(form, {"target": "shop", "instance": "a:1"}) == expected


def test_overrides_are_found_by_name_and_by_expression_and_the_last_wins() -> None:
    def override(kind: str, wanted: str, value: int) -> dict[str, object]:
        return {"matcher": {"id": kind, "options": wanted}, "properties": [{"id": "width", "value": value}]}

    overrides = [override("byRegexp", "/^limit/", 1), override("byName", "limit 0", 2), override("byName", "limit", 3)]
    panel = {"fieldConfig": {"overrides": overrides}}

    assert properties_of(panel, "limit 0") == {"width": 2}
    assert properties_of(panel, "limit 1") == {"width": 1}
    assert properties_of(panel, "no limit") == {}


def test_every_type_of_panel_can_be_drawn() -> None:
    assert {panel["type"] for path in FILES for panel in panels(read(path))} == set(DRAWN)
