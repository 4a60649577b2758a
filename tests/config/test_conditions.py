import pytest

from brimwatch.config.conditions import NAMES, read_condition
from brimwatch.config.nodes import compose
from brimwatch.model import Condition, Threshold
from brimwatch.quantity import CONDITIONS, Kind, Quantity

SIZE = "a size with a unit, such as 500MB, 1.5GiB or 512Mi, or a percentage of the limit such as 85%"
EXAMPLES = {Kind.BYTES: "1GB", Kind.RATE: "1MB/s", Kind.RATIO: "85%", Kind.COUNT: "8", Kind.DURATION: "20s"}
VALUES = {Kind.BYTES: 1e9, Kind.RATE: 1e6, Kind.RATIO: 0.85, Kind.COUNT: 8.0, Kind.DURATION: 20.0}


def condition(text: str) -> tuple[Condition | None, tuple[str, ...]]:
    node = compose(text, "f.yaml")
    found = read_condition(node)
    return (None if found is None else found.condition), tuple(
        line.removeprefix("f.yaml:1: ") for line in node.faults.lines()
    )


@pytest.mark.parametrize("quantity", CONDITIONS, ids=lambda quantity: quantity.value)
def test_every_quantity_is_written_in_its_own_way(quantity: Quantity) -> None:
    expected = Condition((Threshold(quantity, VALUES[quantity.kind]),))
    assert (expected, ()) == condition(f"{{{quantity}: {EXAMPLES[quantity.kind]}}}")


def test_the_peak_is_shown_and_not_judged() -> None:
    assert "peak_rss" not in NAMES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "{rss: 70%}",
            Condition((Threshold(Quantity.RSS, 0.7, relative=True),)),
            id="a percentage of bytes is of the limit",
        ),
        pytest.param("{rss: 100%}", Condition((Threshold(Quantity.RSS, 1.0, relative=True),)), id="the whole limit"),
        pytest.param("{pressure: 0.1}", Condition((Threshold(Quantity.PRESSURE, 0.1),)), id="a ratio without a sign"),
        pytest.param(
            "{threads: 8, rss: 100MB}",
            Condition((Threshold(Quantity.THREADS, 8.0), Threshold(Quantity.RSS, 1e8))),
            id="any one is enough, in the order of the file",
        ),
        pytest.param(
            "{all: {working_set: 70%, rss: 100MB}}",
            Condition((Threshold(Quantity.WORKING_SET, 0.7, relative=True), Threshold(Quantity.RSS, 1e8)), every=True),
            id="every one is needed",
        ),
    ],
)
def test_what_a_condition_says(text: str, expected: Condition) -> None:
    assert (expected, ()) == condition(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{rss: 100}", f"rss: found '100', wanted {SIZE}", id="a size without a unit"),
        pytest.param("{rss: -1MB}", f"rss: found '-1MB', wanted {SIZE}", id="a negative size"),
        pytest.param("{rss: -5%}", f"rss: found '-5%', wanted {SIZE}", id="a negative percentage"),
        pytest.param(
            "{rss: 0MB}",
            "rss: found '0MB', wanted more than zero; a tier that is entered at zero is never left",
            id="zero bytes",
        ),
        pytest.param(
            "{rss: 0%}",
            "rss: found '0%', wanted more than zero; a tier that is entered at zero is never left",
            id="zero percent",
        ),
        pytest.param(
            "{rss: 101%}", "rss: found '101%', wanted at most 100%; the limit is the whole", id="more than the limit"
        ),
        pytest.param("{rss: }", f"rss: found nothing, wanted {SIZE}", id="a key without a value"),
        pytest.param("{rss: {}}", f"rss: found an empty mapping, wanted {SIZE}", id="a mapping for a size"),
        pytest.param(
            "{threads: 70%}",
            "threads: found '70%', wanted a whole number of at least 1; a percentage of a count has no whole to be of",
            id="a percentage of a count",
        ),
        pytest.param("{threads: 0}", "threads: found '0', wanted a whole number of at least 1", id="no thread at all"),
        pytest.param(
            "{threads: -8}", "threads: found '-8', wanted a whole number of at least 1", id="a negative count"
        ),
        pytest.param(
            "{threads: 8MB}", "threads: found '8MB', wanted a whole number of at least 1", id="a size for a count"
        ),
        pytest.param(
            "{memory_used: 85}",
            "memory_used: found '85', wanted a percentage such as 85% or a ratio such as 0.85",
            id="a percentage without its sign",
        ),
        pytest.param(
            "{memory_used: 185%}", "memory_used: found '185%', wanted at most 100%", id="more than the machine"
        ),
        pytest.param(
            "{pressure: 0}",
            "pressure: found '0', wanted more than zero; a tier that is entered at zero is never left",
            id="no pressure",
        ),
        pytest.param(
            "{growth: 10MB}",
            "growth: found '10MB', wanted a size per time, such as 10MB/s or 1GiB/h",
            id="a growth without a time",
        ),
        pytest.param(
            "{growth: 0MB/s}",
            "growth: found '0MB/s', wanted more than zero; a tier that is entered at zero is never left",
            id="no growth",
        ),
        pytest.param(
            "{time_to_limit: 20}",
            "time_to_limit: found '20', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="a time without a unit",
        ),
        pytest.param(
            "{time_to_limit: 0s}",
            "time_to_limit: found '0s', wanted more than zero; no forecast is below zero",
            id="no time left",
        ),
        pytest.param(
            "{}", "found no condition, wanted at least one, such as working_set: 85%", id="an empty condition"
        ),
        pytest.param(
            "{all: {}}", "all: found no condition, wanted at least one, such as working_set: 85%", id="all of nothing"
        ),
        pytest.param(
            "{all: {rss: 1GB}, threads: 8}",
            "all: found other conditions beside it, wanted everything under `all`, or no `all`",
            id="all beside others",
        ),
        pytest.param(
            "{all: {all: {rss: 1GB}}}",
            f"all.all: found an unknown key, wanted one of {', '.join(NAMES)}",
            id="all of all",
        ),
        pytest.param(
            "{rsss: 1GB}",
            f"rsss: found an unknown key, wanted one of {', '.join(NAMES)}, all; did you mean rss?",
            id="a quantity that does not exist",
        ),
        pytest.param(
            "[rss]", f"found a list, wanted a mapping with one of {', '.join(NAMES)}, all", id="a list of quantities"
        ),
        pytest.param(
            "85%", f"found '85%', wanted a mapping with one of {', '.join(NAMES)}, all", id="a value without a quantity"
        ),
    ],
)
def test_what_is_no_condition(text: str, expected: str) -> None:
    assert (expected,) == condition(text)[1]


def test_every_line_at_fault_is_told() -> None:
    assert condition("{rss: 100, threads: 7%, uss: 1GB}") == (
        Condition((Threshold(Quantity.USS, 1e9),)),
        (
            f"rss: found '100', wanted {SIZE}",
            "threads: found '7%', wanted a whole number of at least 1; a percentage of a count has no whole to be of",
        ),
    )
