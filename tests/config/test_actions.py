import pytest
from tests.config.doubles import KINDS

from brimwatch.config.actions import read_action
from brimwatch.config.nodes import compose
from brimwatch.model import Action, Budget, Condition, Threshold
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

KINDS_TOLD = "hook, signal, exec, webhook, cgroup, rlimit, stacks"


def action(text: str, name: str = "a") -> tuple[Action | None, tuple[str, ...]]:
    root = compose(f"{name}: {text}", "f.yaml")
    ((key, node),) = (root.mapping() or {}).items()
    found = read_action(key, node, KINDS)
    return found, tuple(line.removeprefix("f.yaml:1: ") for line in root.faults.lines())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{signal: SIGUSR1}", Action("a", "signal", ("signal",)), id="the shortest"),
        pytest.param("{hook: {}}", Action("a", "hook", ("hook",), cooperative=True), id="a kind that asks"),
        pytest.param(
            "{stacks: {}}", Action("a", "stacks", ("stacks",), tells=True, settle=Seconds(0.0)), id="a kind that tells"
        ),
        pytest.param(
            "{signal: SIGUSR1, settle: 3s}",
            Action("a", "signal", ("signal",), settle=Seconds(3.0)),
            id="a time to settle",
        ),
        pytest.param(
            "{signal: SIGUSR1, settle: 0s}", Action("a", "signal", ("signal",), settle=Seconds(0.0)), id="none"
        ),
        pytest.param(
            "{signal: SIGUSR1, on: parent}", Action("a", "signal", ("signal",), on_parent=True), id="on the parent"
        ),
        pytest.param("{signal: SIGUSR1, on: member}", Action("a", "signal", ("signal",)), id="on the member"),
        pytest.param(
            "{signal: SIGUSR1, only_if: {all: {rss: 1GB}}}",
            Action("a", "signal", ("signal",), only_if=Condition((Threshold(Quantity.RSS, 1e9),), every=True)),
            id="a condition of its own",
        ),
        pytest.param(
            "{signal: SIGTERM, grace: 30s, then: SIGKILL, at_most: 2/h}",
            Action("a", "signal", ("signal", "grace", "then"), ends_process=True, at_most=Budget(2, Seconds(3600.0))),
            id="the keys of the kind reach the kind, the common ones do not",
        ),
        pytest.param(
            "{signal: SIGTERM}",
            Action("a", "signal", ("signal",), ends_process=True, at_most=Budget(1, Seconds(600.0))),
            id="what ends a process does so once in ten minutes",
        ),
    ],
)
def test_what_an_action_says(text: str, expected: Action) -> None:
    assert (expected, ()) == action(text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("2/h", Budget(2, Seconds(3600.0)), id="twice an hour"),
        pytest.param("3/10m", Budget(3, Seconds(600.0)), id="three times in ten minutes"),
        pytest.param("1/30s", Budget(1, Seconds(30.0)), id="once in half a minute"),
        pytest.param("1 / 1.5h", Budget(1, Seconds(5400.0)), id="with blanks and a fraction"),
    ],
)
def test_how_often_at_most(written: str, expected: Budget) -> None:
    found, told = action(f"{{signal: SIGUSR1, at_most: {written}}}")
    assert found is not None
    assert (expected, ()) == (found.at_most, told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{settle: 3s}", f"a: found no kind, wanted one of {KINDS_TOLD}", id="no kind"),
        pytest.param(
            "{signl: SIGTERM}",
            f"a: found no kind, wanted one of {KINDS_TOLD}; did you mean signal?",
            id="a kind with a letter missing",
        ),
        pytest.param(
            "{signal: SIGTERM, hook: {}}",
            f"a: found signal and hook, wanted one of {KINDS_TOLD}; an action is of one kind; make an action of each",
            id="two kinds",
        ),
        pytest.param("SIGTERM", f"a: found 'SIGTERM', wanted a mapping with one of {KINDS_TOLD}", id="a word"),
        pytest.param("~", f"a: found nothing, wanted a mapping with one of {KINDS_TOLD}", id="nothing"),
        pytest.param("{}", f"a: found no kind, wanted one of {KINDS_TOLD}", id="an empty mapping"),
        pytest.param(
            "{signal: SIGUSR1, grce: 3s}",
            (
                "a.grce: found an unknown key, wanted one of force, grace, signal, then, settle, only_if, "
                "at_most, on; did you mean grace?"
            ),
            id="a key of the kind with a letter missing",
        ),
        pytest.param(
            "{hook: {}, grace: 3s}",
            "a.grace: found an unknown key, wanted one of hook, settle, only_if, at_most, on",
            id="a key of another kind",
        ),
        pytest.param(
            "{signal: }", "a.signal: found nothing, wanted a value for signal", id="a fault that the kind finds"
        ),
        pytest.param(
            "{signal: silently wrong}",
            "a: found a mapping, wanted an action of the kind signal",
            id="a kind that refuses without a word loses no rung in silence",
        ),
        pytest.param(
            "{signal: SIGUSR1, settle: 5}",
            "a.settle: found '5', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="a settle without a unit",
        ),
        pytest.param(
            "{signal: SIGUSR1, settle: 1h}", "a.settle: found '1h', wanted at most 10m", id="a settle without end"
        ),
        pytest.param(
            "{signal: SIGUSR1, on: true}",
            "a.on: found 'true', wanted one of member, parent",
            id="on is a key, and true no place",
        ),
        pytest.param(
            "{signal: SIGUSR1, at_most: 3}",
            "a.at_most: found '3', wanted runs per time, such as 2/h, 3/10m or 1/30s",
            id="a number of runs without a time",
        ),
        pytest.param(
            "{signal: SIGUSR1, at_most: 0/h}",
            "a.at_most: found '0/h', wanted runs per time, such as 2/h, 3/10m or 1/30s",
            id="never",
        ),
        pytest.param(
            "{signal: SIGUSR1, at_most: 1/0s}",
            "a.at_most: found '1/0s', wanted runs per time, such as 2/h, 3/10m or 1/30s",
            id="a time of zero",
        ),
        pytest.param(
            "{signal: SIGUSR1, at_most: 1/.m}",
            "a.at_most: found '1/.m', wanted runs per time, such as 2/h, 3/10m or 1/30s",
            id="a time that is no number",
        ),
        pytest.param(
            "{signal: SIGUSR1, at_most: 2/week}",
            "a.at_most: found '2/week', wanted runs per time, such as 2/h, 3/10m or 1/30s",
            id="a time that does not exist",
        ),
        pytest.param(
            "{signal: SIGUSR1, only_if: {threads: 5%}}",
            (
                "a.only_if.threads: found '5%', wanted a whole number of at least 1; a percentage of a count "
                "has no whole to be of"
            ),
            id="a condition at fault",
        ),
        pytest.param(
            "{signal: SIGTERM, only_if: {time_to_limit: 5s, growth: 1MB/s}}",
            "a.only_if: found forecasts alone, wanted something measured too; no process is ended on a forecast alone",
            id="an end on a forecast",
        ),
    ],
)
def test_what_is_no_action(text: str, expected: str) -> None:
    assert (expected,) == action(text)[1]


def test_an_end_on_a_forecast_and_a_measurement_is_allowed() -> None:
    assert action("{signal: SIGTERM, only_if: {all: {time_to_limit: 5s, rss: 1GB}}}")[1] == ()


def test_what_only_asks_may_do_so_on_a_forecast() -> None:
    assert action("{hook: {}, only_if: {time_to_limit: 5s}}")[1] == ()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("'a b'", id="a blank"),
        pytest.param("-a", id="a dash in front"),
        pytest.param("ä", id="a letter that is not ASCII"),
        pytest.param("x" * 65, id="65 characters"),
        pytest.param("''", id="nothing"),
    ],
)
def test_a_name_is_something_people_can_type(name: str) -> None:
    (told,) = action("{hook: {}}", name)[1]
    wanted = "wanted 1 to 64 letters, digits, '_', '.' or '-', the first a letter or digit"
    assert told.endswith(f": found this name, {wanted}")
