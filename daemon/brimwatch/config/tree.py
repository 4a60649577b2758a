"""What does a YAML text hold, with the line of every value, and is it safe to read at all?

The tree is built from parser events and not by `yaml.compose`: that one recurses in C, and ten thousand nested brackets
end the process with a segmentation fault. Scalars stay as written, so `on`, `no` and `0x10` are no surprise. Aliases
share their subtree, are counted as if written out, and so cannot grow without bound.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from brimwatch.config.faults import quoted
from brimwatch.units import format_bytes

LONGEST = 8 * 2**20
MOST_VALUES = 1_000_000  # a file of 10,000 targets holds about 150,000
DEEPEST = 32  # the deepest key of a configuration lies at eight

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Leaf(NamedTuple):
    """A scalar as written; `plain` means without quotes."""

    line: int
    text: str
    plain: bool


class Row(NamedTuple):
    """A sequence."""

    line: int
    items: tuple[Tree, ...]


class Table(NamedTuple):
    """A mapping: pairs as written, a key that stands twice included."""

    line: int
    pairs: tuple[tuple[Tree, Tree], ...]


Tree = Leaf | Row | Table


class NotYaml(Exception):  # noqa: N818 - named after what the text is not
    """The text cannot be read: where, what was found, what was wanted, and why."""

    def __init__(self, line: int, found: str, wanted: str, why: str = "") -> None:
        super().__init__(line, found, wanted, why)
        self.line, self.found, self.wanted, self.why = line, found, wanted, why


def decode(content: bytes | str) -> str:
    """Turn a file's bytes into text. Raises NotYaml when it is too long, not UTF-8, or holds control characters."""
    if len(content) > LONGEST:
        raise NotYaml(1, format_bytes(len(content)), f"at most {LONGEST // 2**20} MiB")
    text = content if isinstance(content, str) else _utf8(content)
    text = text.removeprefix("\ufeff")
    odd = _NOT_TEXT.search(text)
    if odd is not None:
        raise _odd_character(text.count("\n", 0, odd.start()) + 1, odd[0])
    return text


def _odd_character(line: int, character: str) -> NotYaml:
    return NotYaml(line, f"the character U+{ord(character):04X}", "text without control characters")


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotYaml(line, f"the byte 0x{content[error.start]:02x}", "text in UTF-8") from None


def grow(text: str) -> Tree:
    """Build the tree of the one document in `text`. Raises NotYaml at the first thing that is no usable YAML."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except yaml.YAMLError as error:
        raise NotYaml(1, "a text that ends the parser", "YAML", quoted(str(error))) from None
    if builder.root is None:
        raise NotYaml(1, "an empty file", "a configuration")
    return builder.root


def _syntax(error: yaml.MarkedYAMLError, text: str) -> NotYaml:
    mark = error.problem_mark or error.context_mark
    row = 0 if mark is None else mark.line
    lines = text.splitlines()
    here = lines[row].strip(" ") if row < len(lines) else ""
    why = error.problem or "the parser does not say why"
    if "cannot start any token" in why and "\t" in here:
        why = "a tab cannot indent; use spaces"
    return NotYaml(row + 1, quoted(here) if here else "the end of the file", "YAML", why)


class _Known(NamedTuple):
    """What an anchor stands for, and what writing it out again would cost."""

    tree: Tree
    values: int
    height: int


class _Open:
    """A sequence or mapping whose end has not come yet."""

    __slots__ = ("anchor", "before", "children", "height", "is_table", "line")

    def __init__(self, line: int, anchor: str | None, is_table: bool, before: int) -> None:
        self.line, self.anchor, self.is_table, self.before = line, anchor, is_table, before
        self.children: list[Tree] = []
        self.height = 0


class _Builder:
    """Takes parser events one by one, without recursion, and refuses what grows beyond the bounds."""

    def __init__(self) -> None:
        self.root: Tree | None = None
        self._open: list[_Open] = []
        self._known: dict[str, _Known | None] = {}  # None: begun and not ended
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.ScalarEvent):
            _refuse_tag(event.tag, line)
            odd = _NOT_TEXT.search(event.value)  # an escape such as "\0" makes one
            if odd is not None:
                raise _odd_character(line, odd[0])
            self._count(1, line)
            self._add(_Known(Leaf(line, event.value, event.implicit[0]), 1, 0), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._repeat(event.anchor or "", line)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            _refuse_tag(event.tag, line)
            self._begin(event.anchor, isinstance(event, yaml.MappingStartEvent), line)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._end()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise NotYaml(line, "a second document", "one document in a file")

    def _begin(self, anchor: str | None, is_table: bool, line: int) -> None:
        if len(self._open) >= DEEPEST:
            raise NotYaml(line, f"a nesting deeper than {DEEPEST}", f"at most {DEEPEST} levels")
        if anchor is not None:
            self._known[anchor] = None
        self._open.append(_Open(line, anchor, is_table, self._values))
        self._count(1, line)

    def _end(self) -> None:
        top = self._open.pop()
        children = top.children
        tree: Tree
        if top.is_table:
            tree = Table(top.line, tuple(zip(children[::2], children[1::2], strict=True)))
        else:
            tree = Row(top.line, tuple(children))
        self._add(_Known(tree, self._values - top.before, top.height), top.anchor)

    def _repeat(self, anchor: str, line: int) -> None:
        name = quoted("*" + anchor)
        if anchor not in self._known:
            raise NotYaml(line, f"the alias {name}", "an alias of an anchor that stands above it")
        known = self._known[anchor]
        if known is None:
            raise NotYaml(line, f"the alias {name} inside its own anchor", "a value that ends")
        if len(self._open) + known.height > DEEPEST:
            raise NotYaml(line, f"a nesting deeper than {DEEPEST}", f"at most {DEEPEST} levels")
        self._count(known.values, line)
        self._add(known, None)

    def _add(self, known: _Known, anchor: str | None) -> None:
        if anchor is not None:
            self._known[anchor] = known
        if self._open:
            parent = self._open[-1]
            parent.children.append(known.tree)
            parent.height = max(parent.height, known.height + 1)
        else:
            self.root = known.tree

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise NotYaml(line, f"more than {MOST_VALUES:,} values", "fewer", "aliases count as if written out")


def _refuse_tag(tag: str | None, line: int) -> None:
    if tag is not None:
        raise NotYaml(line, f"the tag {quoted(tag)}", "a value without a tag")
