"""What is wrong with a file? Every fault, one line each, in the order of the file."""

from __future__ import annotations

from collections.abc import Collection

_KEPT = 1000  # faults shown; nobody reads on
_LONGEST = 1000
_QUOTED = 60
_SUGGESTED = 100  # faults that look for the nearest known name: the search is slow


def sentence(found: str, wanted: str, why: str = "") -> str:
    """The text of a fault: `found X, wanted Y; why`."""
    return f"found {found}, wanted {wanted}; {why}" if why else f"found {found}, wanted {wanted}"


def harmless(text: str) -> str:
    """The text on one line of bounded length, with nothing in it that a terminal would obey."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def quoted(text: str) -> str:
    """A piece of a file, for a message: in quotes and not too long."""
    return harmless(f"'{text[:_QUOTED]}...'" if len(text) > _QUOTED else f"'{text}'")


def among(options: Collection[str]) -> str:
    """`one of a, b, c` in the order given, sets sorted."""
    ordered = sorted(options) if isinstance(options, set | frozenset) else options
    return ("one of " if len(options) > 1 else "") + ", ".join(ordered)


class Faults:
    """Collects the faults of one file; `source` is its name in front of every line."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._found: dict[tuple[int, str], None] = {}
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._found)

    def add(self, line: int, path: str, text: str) -> None:
        """Add one fault; the same one twice (an alias, an inherited tier) counts once."""
        if len(self._found) >= _KEPT:
            self._dropped += 1
            return
        place = f"{path}: " if path else ""
        self._found[line, harmless(f"{self.source}:{line}: {place}{text}")] = None

    def lines(self) -> tuple[str, ...]:
        """Every fault as one line of text, in the order of the file."""
        told = tuple(text for _, text in sorted(self._found, key=lambda fault: fault[0]))
        return (*told, f"{self.source}: and {self._dropped} more faults") if self._dropped else told

    def nearest(self, word: str, known: Collection[str]) -> str:
        """`did you mean X?` for a word that is close to a known one, else an empty text."""
        if len(self._found) > _SUGGESTED or len(known) > _KEPT:
            return ""
        import difflib  # only where something is misspelt

        close = difflib.get_close_matches(word[:64], known, n=1)
        return f"did you mean {close[0]}?" if close else ""
