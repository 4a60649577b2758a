import pytest
import yaml
from tests.config.doubles import TARGET, faults, read

from brimwatch.config import tree
from brimwatch.config.tree import DEEPEST, LONGEST, MOST_VALUES, Leaf, NotYaml, Row, Table, decode, grow


def said(problem: NotYaml) -> tuple[int, str, str, str]:
    return problem.line, problem.found, problem.wanted, problem.why


def test_scalars_stay_as_written_and_know_their_lines() -> None:
    text = "on: parent\nname: no\nnumber: 0x10\nquoted: '~'\nempty:\nlist:\n  - 1.50\n"
    expected = Table(
        1,
        (
            (Leaf(1, "on", True), Leaf(1, "parent", True)),
            (Leaf(2, "name", True), Leaf(2, "no", True)),
            (Leaf(3, "number", True), Leaf(3, "0x10", True)),
            (Leaf(4, "quoted", True), Leaf(4, "~", False)),
            (Leaf(5, "empty", True), Leaf(5, "", True)),
            (Leaf(6, "list", True), Row(7, (Leaf(7, "1.50", True),))),
        ),
    )
    assert expected == grow(text)


def test_an_alias_is_the_same_subtree() -> None:
    root = grow("a: &x [1, 2]\nb: *x\n")
    assert isinstance(root, Table)
    assert root.pairs[0][1] is root.pairs[1][1]


@pytest.mark.parametrize("loader", [yaml.SafeLoader, tree._LOADER], ids=["the Python parser", "the parser in use"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (1, "an empty file", "a configuration", ""), id="an empty file"),
        pytest.param("# only\n\n# comments\n", (1, "an empty file", "a configuration", ""), id="nothing but comments"),
        pytest.param("a: 1\n---\nb: 2\n", (2, "a second document", "one document in a file", ""), id="two documents"),
        pytest.param(
            "a: 1\n...\n---\n...\n",
            (3, "a second document", "one document in a file", ""),
            id="a second document that is empty",
        ),
        pytest.param(
            "a: &a [*a]\n", (1, "the alias '*a' inside its own anchor", "a value that ends", ""), id="a recursive alias"
        ),
        pytest.param(
            "a: &a\n  b: {c: *a}\n",
            (2, "the alias '*a' inside its own anchor", "a value that ends", ""),
            id="a recursive alias further down",
        ),
        pytest.param(
            "a: *b\n", (1, "the alias '*b'", "an alias of an anchor that stands above it", ""), id="an alias of nothing"
        ),
        pytest.param(
            "a: !!python/object:os.system x\n",
            (1, "the tag 'tag:yaml.org,2002:python/object:os.system'", "a value without a tag", ""),
            id="a tag that builds objects",
        ),
        pytest.param(
            "a: !!str 5\n", (1, "the tag 'tag:yaml.org,2002:str'", "a value without a tag", ""), id="a harmless tag"
        ),
        pytest.param("a: ! x\n", (1, "the tag '!'", "a value without a tag", ""), id="the tag without a name"),
        pytest.param(
            'a: 1\nb: "x\\0y"\n',
            (2, "the character U+0000", "text without control characters", ""),
            id="a NUL written as an escape",
        ),
        pytest.param(
            'a: "\\e[31m"\n',
            (1, "the character U+001B", "text without control characters", ""),
            id="a terminal sequence written as an escape",
        ),
        pytest.param("[" * 40, (1, "a nesting deeper than 32", "at most 32 levels", ""), id="nested lists"),
        pytest.param(
            "- " * 100_000 + "x",
            (1, "a nesting deeper than 32", "at most 32 levels", ""),
            id="nesting that ends yaml.compose with a segmentation fault",
        ),
        pytest.param("{a: " * 40, (1, "a nesting deeper than 32", "at most 32 levels", ""), id="nested mappings"),
    ],
)
def test_what_is_no_usable_yaml(monkeypatch: pytest.MonkeyPatch, loader: type, text: str, expected: object) -> None:
    monkeypatch.setattr(tree, "_LOADER", loader)
    with pytest.raises(NotYaml) as caught:
        grow(text)
    assert expected == said(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        pytest.param("a: 1\nb: [1, 2\nc: 3\n", 3, "'c: 3'", id="a list that is not closed"),
        pytest.param("a: 'x\n", 2, "the end of the file", id="a quote that is not closed"),
        pytest.param("a: 1\n b: 2\n", 2, "'b: 2'", id="an indent from nowhere"),
        pytest.param("a: b: c\n", 1, "'a: b: c'", id="a colon too many"),
        pytest.param("a: @b\n", 1, "'a: @b'", id="a character that YAML keeps for itself"),
        pytest.param("%YAML 3.0\n---\na: 1\n", 1, "'%YAML 3.0'", id="a version of YAML that does not exist"),
    ],
)
def test_a_syntax_error_is_one_fault_with_its_line(text: str, line: int, found: str) -> None:
    with pytest.raises(NotYaml) as caught:
        grow(text)
    assert (caught.value.line, caught.value.found, caught.value.wanted) == (line, found, "YAML")
    assert caught.value.why != ""


def test_a_tab_that_indents_is_called_a_tab() -> None:
    assert faults("targets:\n\t- name: x\n") == [
        r"2: found '\t- name: x', wanted YAML; a tab cannot indent; use spaces"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a: 1\nb: \xff\n", (2, "the byte 0xff", "text in UTF-8", ""), id="a byte that is no UTF-8"),
        pytest.param("a: ä\n".encode("latin-1"), (1, "the byte 0xe4", "text in UTF-8", ""), id="Latin-1"),
        pytest.param("a: 1\n".encode("utf-16"), (1, "the byte 0xff", "text in UTF-8", ""), id="UTF-16"),
        pytest.param(
            b"a: 1\n\nb: x\x00y\n", (3, "the character U+0000", "text without control characters", ""), id="a NUL byte"
        ),
        pytest.param(
            b"a: \x1b[31m\n",
            (1, "the character U+001B", "text without control characters", ""),
            id="a terminal sequence",
        ),
        pytest.param(
            "a: \ud800\n", (1, "the character U+D800", "text without control characters", ""), id="half a character"
        ),
        pytest.param(b"#" * (LONGEST + 1), (1, "8.4 MB", "at most 8 MiB", ""), id="a byte more than 8 MiB"),
    ],
)
def test_what_is_no_text(content: bytes | str, expected: object) -> None:
    with pytest.raises(NotYaml) as caught:
        decode(content)
    assert expected == said(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter() -> None:
    content = b"\xef\xbb\xbf" + TARGET.replace("\n", "\r\n").encode()
    assert [target.name for target in read(content.decode()).targets] == ["t"]
    assert decode(content) == TARGET.replace("\n", "\r\n")


def test_a_billion_laughs_are_counted_and_not_laughed() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    expected = (7, f"more than {MOST_VALUES:,} values", "fewer", "aliases count as if written out")
    with pytest.raises(NotYaml) as caught:
        grow("\n".join(lines))
    assert (6, *expected[1:]) == said(caught.value)


def test_a_file_of_nothing_but_values_is_bounded_too() -> None:
    with pytest.raises(NotYaml) as caught:
        grow("[" + "a," * MOST_VALUES + "]")
    assert said(caught.value) == (1, "more than 1,000,000 values", "fewer", "aliases count as if written out")


def test_aliases_do_not_nest_deeper_than_brackets_may() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40))]
    with pytest.raises(NotYaml) as caught:
        grow("\n".join(lines))
    assert said(caught.value) == (DEEPEST, "a nesting deeper than 32", "at most 32 levels", "")


def test_the_deepest_nesting_that_is_allowed_is_allowed() -> None:
    assert isinstance(grow("[" * DEEPEST + "]" * DEEPEST), Row)


def test_an_anchor_may_be_used_for_what_several_targets_share() -> None:
    config = read("""
        targets:
          - name: a
            match: {name: a}
            policy: &shared {extends: small, tiers: {emergency: ~}}
          - name: b
            match: {name: b}
            policy: *shared
    """)
    assert config.targets[0].policy is config.targets[1].policy
