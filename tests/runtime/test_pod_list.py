import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.runtime.pod_list import ListReader

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
), max_leaves=8)  # fmt: skip
PIECES = st.integers(1, 40)
INDENTS = st.sampled_from([None, 0, 2, "\t"])


def members(text, piece=7):
    """The members of a text that comes in pieces of so many bytes."""
    reader, data = ListReader(), text.encode()
    found = [one for at in range(0, len(data), piece) for one in reader.feed(data[at : at + piece])]
    reader.end()
    return found


@given(st.dictionaries(st.sampled_from(["kind", "metadata", "z"]), JSON), st.lists(JSON, max_size=4), INDENTS, PIECES)
@settings(max_examples=50)
def test_items_come_one_by_one_and_are_what_json_says(others, items, indent, piece):
    text = json.dumps({**others, "items": items, "last": 1}, indent=indent, ensure_ascii=False)
    found = members(f" {text}\n", piece)
    assert [value for key, value in found if key == "items"] == items
    assert {key: value for key, value in found if key != "items"} == {**others, "last": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{}", [], id="nothing in it"),
        pytest.param('{"items": []}', [], id="no items"),
        pytest.param('{"items": null}', [("items", None)], id="items of no list, as an old server has it"),
    ],
)
def test_a_list_may_be_empty(text, expected):
    assert members(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="a list of something else"),
        pytest.param("<html>", id="a page"),
        pytest.param('{"a": 1', id="no end"),
        pytest.param('{"a" 1}', id="no colon"),
        pytest.param('{"items": [1', id="items without an end"),
        pytest.param('{"items": [1,', id="one item that is missing"),
        pytest.param('{"items": [1 2]}', id="no comma"),
        pytest.param('{"a": ' + "[" * 99_999, id="nested too deeply"),
        pytest.param("{} {}", id="two of them"),
        pytest.param('{"a": 1,}', id="a comma too many"),
    ],
)
def test_what_breaks_off_or_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        members(text)
