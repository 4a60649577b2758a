"""Are metrics written as Prometheus and OpenMetrics read them?"""

import asyncio
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from brimwatch.record.exposition import OPENMETRICS, PLAIN, expose, negotiate, number
from brimwatch.record.series import PIECE, Labels, pieces_of

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROTOBUF_FIRST = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/plain", PLAIN),
        ("text/html,application/xhtml+xml,*/*;q=0.8", PLAIN),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROTOBUF_FIRST, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text; version=2.0.0", PLAIN),
        ("application/openmetrics-text;version=0.0.1,text/plain", PLAIN),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.5", PLAIN),
        ("application/openmetrics-text;q=0,text/plain;q=0.1", PLAIN),
        ("application/openmetrics-text;q=much", PLAIN),
        (",;,=;q", PLAIN),
    ],
    ids=[
        "nothing said",
        "anything",
        "text",
        "a browser",
        "Prometheus 2",
        "Prometheus 3",
        "a scraper that wants protobuf most",
        "OpenMetrics without a version",
        "a version that is not there yet",
        "a version that is long gone",
        "text is weighted higher",
        "OpenMetrics is refused",
        "a weight that is no number",
        "no header at all in truth",
    ],
)
def test_the_format_is_negotiated(accept: str, content_type: str) -> None:
    assert negotiate(accept) == content_type


@given(st.text(max_size=200))
def test_any_accept_header_gets_a_format(accept: str) -> None:
    assert negotiate(accept) in (PLAIN, OPENMETRICS)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (5, "5"), (812_300_000.0, "812300000"), (0.1, "0.1"), (-2.5e-7, "-2.5e-07"), (1e300, "1e+300")],
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(("value", "written"), [(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")])
def test_what_is_no_number_is_written_as_the_formats_want(value: float, written: str) -> None:
    assert number(value) == written


class Fixed:
    """A collector of given families."""

    def __init__(self, *metrics: Metric) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.floats(allow_nan=False)
COUNTS = st.floats(min_value=0, allow_infinity=False)


def family(name: str, kind: str, points: list[tuple[dict[str, str], float]]) -> Metric:
    metric = Metric(name, 'What a "quoted" \\ thing is.', kind)
    suffix = "_total" if kind == "counter" else ""
    for labels, value in points:
        metric.add_sample(name + suffix, labels, value)
    return metric


LABELS = st.fixed_dictionaries({"b": TEXT}, optional={"a": TEXT})


def points(values: "st.SearchStrategy[float]") -> "st.SearchStrategy[list[tuple[dict[str, str], float]]]":
    return st.lists(st.tuples(LABELS, values), max_size=4, unique_by=lambda point: tuple(sorted(point[0].items())))


@given(points(VALUES), points(COUNTS))
def test_it_reads_back_as_what_prometheus_client_writes(
    gauges: list[tuple[dict[str, str], float]], counters: list[tuple[dict[str, str], float]]
) -> None:
    registry = CollectorRegistry()
    families = (family("x_ratio", "gauge", gauges), family("y", "counter", counters))
    registry.register(Fixed(*families))

    plain = asyncio.run(expose(families, PLAIN)).decode()
    openmetrics = asyncio.run(expose(families, OPENMETRICS)).decode()

    assert list(read_plain(plain)) == list(read_plain(generate_latest(registry).decode()))
    assert list(read_openmetrics(openmetrics)) == list(read_openmetrics(generate_openmetrics(registry).decode()))


def test_labels_that_were_added_are_written_like_all_at_once() -> None:
    base = Labels((("target", 'a"b\\c\n'),))
    together = base.but(("tier", "critical"), ("signal", "rss"))

    assert together.written == '{target="a\\"b\\\\c\\n",tier="critical",signal="rss"}'
    assert together == {"target": 'a"b\\c\n', "tier": "critical", "signal": "rss"}
    assert Labels().but(("a", "b")).written == '{a="b"}'
    assert Labels().written == ""


def test_a_family_in_pieces_has_one_heading_and_all_samples() -> None:
    points = [(Labels((("n", str(n)),)), float(n)) for n in range(2 * PIECE + 1)]
    metrics = list(pieces_of("x_total", "Some.", "counter", points))

    text = asyncio.run(expose(metrics, OPENMETRICS)).decode()

    assert [len(metric.samples) for metric in metrics] == [PIECE, PIECE, 1]
    assert text.count("# TYPE x counter\n") == text.count("# HELP") == text.count("# EOF") == 1
    assert text.count("\nx_total{") == 2 * PIECE + 1


def test_the_loop_gets_its_turn_between_two_pieces() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def write() -> None:
        counting = asyncio.create_task(count())
        await expose([family(f"x{n}", "gauge", [({}, 1.0)]) for n in range(10)], PLAIN)
        counting.cancel()

    asyncio.run(write())

    assert turns == 10
