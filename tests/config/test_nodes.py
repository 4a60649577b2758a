import re
from collections.abc import Callable

import pytest

from brimwatch.config.nodes import Node, compose
from brimwatch.errors import ConfigError


def at(text: str, *keys: str) -> Node:
    node = compose(text, "f.yaml")
    for key in keys:
        child = node.get(key)
        assert child is not None
        node = child
    return node


@pytest.mark.parametrize(
    ("written", "reader", "expected"),
    [
        pytest.param("100MB", Node.size, 100_000_000, id="a size"),
        pytest.param("'512Mi'", Node.size, 2**29, id="a size in quotes"),
        pytest.param("250ms", Node.duration, 0.25, id="a duration"),
        pytest.param("0s", Node.duration, 0.0, id="no time at all"),
        pytest.param("85%", Node.ratio, 0.85, id="a percentage"),
        pytest.param("0.85", Node.ratio, 0.85, id="a ratio"),
        pytest.param("10MB/s", Node.rate, 1e7, id="a rate"),
        pytest.param("50000", Node.integer, 50000, id="a whole number"),
        pytest.param("-3", Node.integer, -3, id="a negative number where none is forbidden"),
        pytest.param("yes", Node.flag, True, id="a flag as YAML 1.1 writes it"),
        pytest.param("'false'", Node.flag, False, id="a flag in quotes"),
        pytest.param("no", Node.text, "no", id="a text that other loaders take for false"),
        pytest.param("2026-01-01", Node.text, "2026-01-01", id="a text that other loaders take for a date"),
        pytest.param("1.2.3", Node.text, "1.2.3", id="a version"),
        pytest.param("'5'", Node.text, "5", id="a number in quotes is a text"),
        pytest.param("5", Node.scalar, "5", id="a number where any scalar will do"),
        pytest.param("a+b", Node.regex, re.compile("a+b"), id="a regular expression"),
    ],
)
def test_what_a_value_is(written: str, reader: Callable[[Node], object], expected: object) -> None:
    node = at(f"key: {written}\n", "key")
    assert (expected, ()) == (reader(node), node.faults.lines())


@pytest.mark.parametrize(
    ("written", "reader", "expected"),
    [
        pytest.param(
            "100",
            Node.size,
            "found '100', wanted a size with a unit, such as 500MB, 1.5GiB or 512Mi",
            id="a size without a unit",
        ),
        pytest.param(
            "-5MB",
            Node.size,
            "found '-5MB', wanted a size with a unit, such as 500MB, 1.5GiB or 512Mi",
            id="a negative size",
        ),
        pytest.param("0MB", Node.size, "found '0MB', wanted more than zero", id="a size of zero"),
        pytest.param(
            "100mb",
            Node.size,
            "found '100mb', wanted a size with a unit, such as 500MB, 1.5GiB or 512Mi",
            id="a unit that does not exist",
        ),
        pytest.param(
            "[1MB]",
            Node.size,
            "found a list, wanted a size with a unit, such as 500MB, 1.5GiB or 512Mi",
            id="a list for a size",
        ),
        pytest.param(
            "30",
            Node.duration,
            "found '30', wanted a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d",
            id="a duration without a unit",
        ),
        pytest.param("99999d", Node.duration, "found '99999d', wanted at most 3650d", id="a duration without end"),
        pytest.param("120%", Node.ratio, "found '120%', wanted at most 100%", id="more than the whole"),
        pytest.param(
            "85",
            Node.ratio,
            "found '85', wanted a percentage such as 85% or a ratio such as 0.85",
            id="a percentage without its sign",
        ),
        pytest.param(
            "10MB",
            Node.rate,
            "found '10MB', wanted a size per time, such as 10MB/s or 1GiB/h",
            id="a rate without a time",
        ),
        pytest.param("1_000", Node.integer, "found '1_000', wanted a whole number", id="a number with a separator"),
        pytest.param("010", Node.integer, "found '010', wanted a whole number", id="a number that is octal for some"),
        pytest.param("1.5", Node.integer, "found '1.5', wanted a whole number", id="a fraction for a whole number"),
        pytest.param(
            "9" * 30, Node.integer, f"found '{'9' * 30}', wanted a whole number", id="a number beyond all bounds"
        ),
        pytest.param("maybe", Node.flag, "found 'maybe', wanted true or false", id="neither true nor false"),
        pytest.param("1", Node.flag, "found '1', wanted true or false", id="a number for a flag"),
        pytest.param(
            "5",
            Node.text,
            "found the number '5', wanted a text; put it in quotes if it is meant",
            id="a number for a text",
        ),
        pytest.param(
            "1e3",
            Node.text,
            "found the number '1e3', wanted a text; put it in quotes if it is meant",
            id="a number with an exponent",
        ),
        pytest.param("''", Node.text, "found an empty text, wanted a text of 1 to 4096 characters", id="an empty text"),
        pytest.param(
            "x" * 5000,
            Node.text,
            "found a text of 5000 characters, wanted a text of 1 to 4096 characters",
            id="a text that is too long",
        ),
        pytest.param("", Node.text, "found nothing, wanted a text", id="nothing for a text"),
        pytest.param("{a: 1}", Node.text, "found a mapping, wanted a text", id="a mapping for a text"),
        pytest.param("{}", Node.items, "found an empty mapping, wanted a list", id="a mapping for a list"),
        pytest.param("x", Node.items, "found 'x', wanted a list", id="a word for a list"),
        pytest.param("[]", Node.mapping, "found an empty list, wanted a mapping", id="a list for a mapping"),
        pytest.param(
            "'a(b'",
            Node.regex,
            "found 'a(b', wanted a regular expression; missing ), unterminated subpattern at position 1",
            id="a pattern that does not compile",
        ),
        pytest.param(
            f"'{'(' * 4000}'",
            Node.regex,
            f"found '{'(' * 60}...', wanted a regular expression; maximum recursion depth exceeded",
            id="a pattern nested too deep",
        ),
        pytest.param(
            '"(?\\n"',
            Node.regex,
            r"found '(?\n', wanted a regular expression; unknown extension ?\n at position 1 (line 1, column 2)",
            id="a line break in a pattern stays out of the message",
        ),
    ],
)
def test_what_a_value_is_not(written: str, reader: Callable[[Node], object], expected: str) -> None:
    node = at(f"key: {written}\n", "key")
    assert reader(node) is None
    (fault,) = node.faults.lines()
    assert fault.startswith(f"f.yaml:1: key: {expected}")
    assert "maximum recursion" in expected or fault == f"f.yaml:1: key: {expected}"


@pytest.mark.parametrize(
    ("minimum", "maximum", "wanted"),
    [
        pytest.param(1, None, "a whole number of at least 1", id="a lower bound"),
        pytest.param(None, 0, "a whole number of at most 0", id="an upper bound"),
        pytest.param(7, 9, "a whole number between 7 and 9", id="both bounds"),
    ],
)
def test_bounds_of_a_number(minimum: int | None, maximum: int | None, wanted: str) -> None:
    for written in ("1" if minimum != 1 else "0", "x"):
        node = at(f"key: {written}", "key")
        assert node.integer(minimum, maximum) is None
        assert node.faults.lines() == (f"f.yaml:1: key: found '{written}', wanted {wanted}",)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        pytest.param("1ms", "between 10ms and 1h", id="too short"),
        pytest.param("2h", "between 10ms and 1h", id="too long"),
    ],
)
def test_bounds_of_a_duration(written: str, wanted: str) -> None:
    node = at(f"key: {written}", "key")
    assert node.duration(0.01, 3600.0) is None
    assert node.faults.lines() == (f"f.yaml:1: key: found '{written}', wanted {wanted}",)


def test_a_choice_suggests_what_is_near() -> None:
    node = at("key: gruop", "key")
    assert node.choice(("group", "each")) is None
    assert node.faults.lines() == ("f.yaml:1: key: found 'gruop', wanted one of group, each; did you mean group?",)


def test_a_mapping_tells_unknown_and_repeated_keys_and_keeps_the_rest() -> None:
    node = at("a:\n  one: 1\n  tow: 2\n  one: 3\n  [x]: 4\n  <<: {}\n", "a")
    fields = node.mapping(("one", "two"))
    assert fields is not None
    assert {key: child.written for key, child in fields.items()} == {"one": "1"}
    assert node.faults.lines() == (
        "f.yaml:3: a.tow: found an unknown key, wanted one of one, two; did you mean two?",
        "f.yaml:4: a.one: found the key a second time, wanted it once; line 2 has it already",
        "f.yaml:5: a: found a key that is no text, wanted a plain key",
        (
            "f.yaml:6: a.'<<': found an unknown key, wanted one of one, two; "
            "merge keys are not read; a policy takes over another with `extends`"
        ),
    )


def test_a_path_names_every_step_and_quotes_what_is_odd() -> None:
    node = at("policies: {'a b\\': [{x: [1, 2]}]}", "policies")
    odd = node.get("a b\\")
    assert odd is not None
    items = odd.items()
    assert items is not None
    inner = items[0].get("x")
    assert inner is not None
    assert [child.path for child in inner.items() or ()] == [
        "policies.'a b\\'[0].x[0]",
        "policies.'a b\\'[0].x[1]",
    ]


def test_a_value_below_its_key_has_the_line_of_the_key() -> None:
    node = at("a:\n  b:\n    c: 1\n", "a", "b")
    assert node.line == 2


def test_only_keeps_the_place_and_drops_the_other_keys() -> None:
    node = at("a:\n  one: 1\n  two: 2\n", "a")
    part = node.only({"two", "three"})
    assert (part.path, part.line, part.key_names()) == ("a", 1, ("two",))
    assert part.get("one") is None


def test_two_values_of_one_shape_mean_the_same_wherever_they_stand() -> None:
    root = at("a: {x: [1, '2']}\n\nb:\n  x:\n  - 1\n  - '2'\nc: {x: [1, 2]}\n")
    shapes = [child.shape for child in (root.mapping() or {}).values()]
    assert shapes[0] == shapes[1]
    assert shapes[0] != shapes[2]


def test_compose_raises_with_the_file_and_the_line() -> None:
    with pytest.raises(ConfigError) as caught:
        compose("a: *b", "f.yaml")
    expected = ("f.yaml:1: found the alias '*b', wanted an alias of an anchor that stands above it",)
    assert expected == caught.value.faults
