import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.discover.facts import Facts, Place
from brimwatch.discover.names import INSTANCES, LONGEST, NameBook, fill, is_template
from brimwatch.procfs.cgroup import parse_cgroup

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"


def facts(comm="app", cgroup=f"0::/system.slice/web.service/libpod-payload-{ID}\n"):
    return Facts(comm, place=Place(parse_cgroup(cgroup.encode())))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{unit}", "web.service", id="a unit"),
        pytest.param("{container}", "9ec39b91f3d7", id="a container by the first twelve characters of its ID"),
        pytest.param("{comm}", "app", id="a program's name"),
        pytest.param("py-{comm}@{unit}", "py-app@web.service", id="several in one name, with text around them"),
    ],
)
def test_a_template_is_filled_from_the_process(template, expected):
    assert is_template(template)
    assert expected == fill(template, facts())


@pytest.mark.parametrize("template", ["{unit}", "{container}", "x-{unit}-{comm}"])
def test_a_process_that_lacks_the_value_has_no_name(template):
    assert fill(template, facts(cgroup="0::/\n")) is None
    assert fill(template, Facts("app")) is None


@pytest.mark.parametrize("name", ["web", "{id}", "{}", "{unit", "unit}"])
def test_other_braces_are_no_template(name):
    assert not is_template(name)


@pytest.mark.parametrize(
    ("comm", "beginning"),
    [
        pytest.param("a\nb", "a?b~", id="a newline"),
        pytest.param("\x1b[31mred", "?[31mred~", id="an escape sequence"),
        pytest.param("x" * 65, "x" * 55 + "~", id="a name that is too long"),
        pytest.param("", "~", id="an empty name"),
        pytest.param("  ", "~", id="a name of spaces"),
        pytest.param("a\u202eb", "a?b~", id="a change of the writing direction"),
    ],
)
def test_what_cannot_be_shown_is_replaced_and_told_apart(comm, beginning):
    name = fill("{comm}", Facts(comm))
    assert name == fill("{comm}", Facts(comm))
    assert (beginning, len(beginning) + 8) == (name[: len(beginning)], len(name))


@given(st.text(max_size=100), st.text(max_size=100))
def test_names_are_short_and_printable_and_differ_where_the_values_do(one, other):
    names = [fill("{comm}", Facts(value)) for value in (one, other)]
    assert all(name.isprintable() and 0 < len(name) <= LONGEST for name in names)
    assert (one == other) == (names[0] == names[1])


def test_a_template_in_a_value_is_not_filled_again():
    assert fill("{comm}", Facts("{unit}")) == "{unit}"


def test_a_configured_name_is_never_taken():
    book = NameBook(frozenset({"web", "web~2"}))
    assert [book.name(0, "web"), book.name(0, "web"), book.name(0, "db")] == ["web~3", "web~3", "db"]


def test_two_templates_with_the_same_value_have_two_names():
    book = NameBook(frozenset())
    assert [book.name(0, "web"), book.name(1, "web")] == ["web", "web~2"]


def test_a_suffix_keeps_a_name_short():
    book = NameBook(frozenset({"x" * LONGEST}))
    assert book.name(0, "x" * LONGEST) == "x" * 62 + "~2"


def test_a_template_makes_a_thousand_targets_at_most_and_those_that_live_keep_their_names():
    book = NameBook(frozenset())
    for number in range(INSTANCES):
        book.name(0, f"v{number}")
    assert [book.name(0, "more"), book.name(0, "v7"), book.name(1, "other")] == [None, "v7", "other"]
    book.keep({(0, f"v{number}") for number in range(1, INSTANCES)})
    assert [book.name(0, "more"), book.name(0, "v0")] == ["more", None]
