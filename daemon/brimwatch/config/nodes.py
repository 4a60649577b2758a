"""Where in a file does a value stand, and what is it, if it is what was wanted?

A Node is one YAML value with its place. Every reader returns what was asked for, or adds a fault and returns None, so
that one pass over a file finds all of its faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable
from typing import TypeVar

from brimwatch import units
from brimwatch.config.faults import Faults, among, quoted, sentence
from brimwatch.config.tree import Leaf, NotYaml, Row, Table, Tree, decode, grow
from brimwatch.errors import ConfigError
from brimwatch.units import Bytes, Seconds

_T = TypeVar("_T")
_N = TypeVar("_N", Bytes, Seconds, float)
_LONGEST_TEXT = 4096
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F_]+", re.ASCII)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_BARE_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_EVER = 3650 * 86400.0


def compose(content: bytes | str, source: str) -> Node:
    """Read a YAML text and return its root. Raises ConfigError when it is no usable YAML."""
    faults = Faults(source)
    try:
        return Node(grow(decode(content)), faults)
    except NotYaml as problem:
        faults.add(problem.line, "", sentence(problem.found, problem.wanted, problem.why))
        raise ConfigError(faults.lines()) from None


class Node:
    """One YAML value with its place in the file."""

    __slots__ = ("_key", "_parent", "_tree", "faults", "line")

    def __init__(
        self, tree: Tree, faults: Faults, parent: Node | None = None, key: str | int = "", line: int = 0
    ) -> None:
        self._tree, self.faults, self._parent, self._key = tree, faults, parent, key
        self.line = line or tree.line

    @property
    def path(self) -> str:
        """Where the value stands, such as `targets[0].match.cmdline`; the root is an empty text."""
        if self._parent is None:
            return ""
        before = self._parent.path
        if isinstance(self._key, int):
            return f"{before}[{self._key}]"
        key = self._key if _BARE_KEY.fullmatch(self._key) else quoted(self._key)
        return f"{before}.{key}" if before else key

    @property
    def is_mapping(self) -> bool:
        """True for a mapping."""
        return isinstance(self._tree, Table)

    @property
    def is_sequence(self) -> bool:
        """True for a list."""
        return isinstance(self._tree, Row)

    @property
    def is_scalar(self) -> bool:
        """True for a single value that is there."""
        return isinstance(self._tree, Leaf) and not self.is_null

    @property
    def is_null(self) -> bool:
        """True where nothing stands: `~`, `null` or an empty value."""
        tree = self._tree
        return isinstance(tree, Leaf) and tree.plain and tree.text in ("", "~", "null", "Null", "NULL")

    @property
    def written(self) -> str:
        """The scalar as it stands in the file; an empty text for anything else."""
        return self._tree.text if isinstance(self._tree, Leaf) else ""

    @property
    def shown(self) -> str:
        """What was found, for a message: bounded and harmless to print."""
        if isinstance(self._tree, Leaf):
            return "nothing" if self.is_null else quoted(self._tree.text)
        kind, empty = ("list", not self._tree.items) if isinstance(self._tree, Row) else ("mapping", False)
        if isinstance(self._tree, Table):
            empty = not self._tree.pairs
        return f"an empty {kind}" if empty else f"a {kind}"

    @property
    def shape(self) -> Hashable:
        """The value without its place: two nodes of one shape mean the same."""
        return _shape(self._tree)

    def fault(self, found: str, wanted: str, why: str = "") -> None:
        """Add `FILE:LINE: PATH: found X, wanted Y; why`."""
        self.faults.add(self.line, self.path, sentence(found, wanted, why))

    def refuse(self, text: str) -> None:
        """Add a fault whose text is a sentence of its own."""
        self.faults.add(self.line, self.path, text)

    def get(self, key: str) -> Node | None:
        """The value under a key of a mapping, or None; adds no fault."""
        if isinstance(self._tree, Table):
            for name, value in self._tree.pairs:
                if isinstance(name, Leaf) and name.text == key:
                    return Node(value, self.faults, self, key, name.line)
        return None

    def key_names(self) -> tuple[str, ...]:
        """The keys of a mapping as written, each once; adds no fault."""
        pairs = self._tree.pairs if isinstance(self._tree, Table) else ()
        return tuple(dict.fromkeys(name.text for name, _ in pairs if isinstance(name, Leaf)))

    def only(self, keys: Collection[str]) -> Node:
        """The same mapping, at the same place, with nothing but these keys."""
        if not isinstance(self._tree, Table):
            return self
        kept = tuple(pair for pair in self._tree.pairs if isinstance(pair[0], Leaf) and pair[0].text in keys)
        return Node(Table(self._tree.line, kept), self.faults, self._parent, self._key, self.line)

    def mapping(self, known: Collection[str] | None = None) -> dict[str, Node] | None:
        """The usable part of a mapping; a key that is unknown or stands twice is a fault. `known` None: any key."""
        if not isinstance(self._tree, Table):
            self.fault(self.shown, "a mapping" if known is None else f"a mapping with {among(known)}")
            return None
        found: dict[str, Node] = {}
        for key, value in self._tree.pairs:
            if not isinstance(key, Leaf):
                self.faults.add(key.line, self.path, sentence("a key that is no text", "a plain key", ""))
                continue
            child = Node(value, self.faults, self, key.text, key.line)
            if key.text in found:
                first = found[key.text].line
                child.fault("the key a second time", "it once", f"line {first} has it already")
            elif known is not None and key.text not in known:
                child.fault("an unknown key", among(known), self._hint(key.text, known))
            else:
                found[key.text] = child
        return found

    def _hint(self, key: str, known: Collection[str]) -> str:
        if key == "<<":
            return "merge keys are not read; a policy takes over another with `extends`"
        return self.faults.nearest(key, known)

    def items(self) -> list[Node] | None:
        """The values of a sequence."""
        if not isinstance(self._tree, Row):
            self.fault(self.shown, "a list")
            return None
        return [Node(item, self.faults, self, index) for index, item in enumerate(self._tree.items)]

    def scalar(self, wanted: str = "a single value") -> str | None:
        """The scalar as written, quoted or not."""
        if self.is_scalar:
            return self.written
        self.fault(self.shown, wanted)
        return None

    def text(self, longest: int = _LONGEST_TEXT) -> str | None:
        """A text that is not empty. A number without quotes is refused where a text is meant."""
        text = self.scalar("a text")
        if text is None:
            return None
        if isinstance(self._tree, Leaf) and self._tree.plain and _NUMBER.fullmatch(text):
            self.fault(f"the number {quoted(text)}", "a text", "put it in quotes if it is meant")
        elif not 1 <= len(text) <= longest:
            found = "an empty text" if not text else f"a text of {len(text)} characters"
            self.fault(found, f"a text of 1 to {longest} characters")
        else:
            return text
        return None

    def size(self, minimum: int = 1) -> Bytes | None:
        """A size in bytes, at least `minimum`."""
        size = self._parsed(units.parse_size, units.WANTED_SIZE)
        return self._between(size, minimum, None, "more than zero" if minimum == 1 else f"at least {minimum} B")

    def duration(self, minimum: float = 0.0, maximum: float = _EVER) -> Seconds | None:
        """A duration in seconds, between `minimum` and `maximum`."""
        seconds = self._parsed(units.parse_duration, units.WANTED_DURATION)
        wanted = f"between {_brief(minimum)} and {_brief(maximum)}" if minimum else f"at most {_brief(maximum)}"
        return self._between(seconds, minimum, maximum, wanted)

    def ratio(self, maximum: float = 1.0) -> float | None:
        """A ratio between 0 and `maximum`: `85%` and `0.85` are the same."""
        return self._between(
            self._parsed(units.parse_ratio, units.WANTED_RATIO), 0.0, maximum, f"at most {maximum:.0%}"
        )

    def rate(self) -> float | None:
        """A rate in bytes per second."""
        return self._parsed(units.parse_rate, units.WANTED_RATE)

    def integer(self, minimum: int | None = None, maximum: int | None = None) -> int | None:
        """A whole number in digits."""
        wanted = "a whole number"
        if minimum is not None and maximum is not None:
            wanted += f" between {minimum} and {maximum}"
        elif minimum is not None:
            wanted += f" of at least {minimum}"
        elif maximum is not None:
            wanted += f" of at most {maximum}"
        text = self.scalar(wanted)
        if text is None:
            return None
        number = int(text) if _INTEGER.fullmatch(text) else None
        if number is None or (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            self.fault(self.shown, wanted)
            return None
        return number

    def flag(self) -> bool | None:
        """True or false."""
        text = self.scalar("true or false")
        if text is not None and text.lower() not in _FLAGS:
            self.fault(self.shown, "true or false")
        return None if text is None else _FLAGS.get(text.lower())

    def choice(self, options: Collection[str]) -> str | None:
        """One of a few words."""
        text = self.scalar(among(options))
        if text is None or text in options:
            return text
        self.fault(self.shown, among(options), self.faults.nearest(text, options))
        return None

    def regex(self) -> re.Pattern[str] | None:
        """A regular expression in Python's syntax."""
        text = self.text()
        try:
            return None if text is None else re.compile(text)
        except (re.error, ValueError, OverflowError, RecursionError) as error:
            self.fault(self.shown, "a regular expression", str(error))
            return None

    def _parsed(self, parse: Callable[[str], _T], wanted: str) -> _T | None:
        text = self.scalar(wanted)
        try:
            return None if text is None else parse(text)
        except ValueError:
            self.fault(self.shown, wanted)
            return None

    def _between(self, value: _N | None, minimum: float, maximum: float | None, wanted: str) -> _N | None:
        if value is None or (value >= minimum and (maximum is None or value <= maximum)):
            return value
        self.fault(self.shown, wanted)
        return None


def _brief(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


def _shape(tree: Tree) -> Hashable:
    if isinstance(tree, Leaf):
        return tree.text, tree.plain
    if isinstance(tree, Row):
        return "row", *map(_shape, tree.items)
    return "table", *((_shape(key), _shape(value)) for key, value in tree.pairs)
