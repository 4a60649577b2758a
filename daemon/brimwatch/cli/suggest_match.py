"""What is a proposed target to match? What the configuration said, else what tells it apart from the other targets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from brimwatch.cli.observed import Observed
from brimwatch.config.match import MATCH_KEYS
from brimwatch.record.text import escaped, label

_LONGEST = 4096  # characters
_COMM, _UNIT = "{comm}", "{unit}"


def match_of(one: Observed, every: Iterable[Observed]) -> tuple[str, str]:
    """A `match` in one line of YAML, and what there is to say of it."""
    written = _written(one)
    if written is not None:
        return written, ""
    others = [other for other in every if other is not one]
    unit = _only(one.units)
    if unit and not any(unit in other.units for other in others):
        return f"{{unit: {scalar(_pattern(unit))}}}", ""
    comm = _only(one.comms)
    same = [label(other.name) for other in others if comm in other.comms]
    if comm and not same:
        return f"{{name: {scalar(_pattern(comm))}}}", "what it was called; see that it takes nothing else"
    why = f"{escaped(comm, 16)} is what {escaped(same[0], 60)} was called, too" if comm else "it is not known"
    return f"{{name: {scalar(_pattern(label(one.name)))}}}", f"put your match here: {why}"


def scalar(text: str) -> str:
    """A YAML scalar in double quotes; JSON's escapes are YAML's. Source: yaml.org, 1.2.2, section 5.7."""
    return json.dumps(escaped(text, 200), ensure_ascii=True)


def _written(one: Observed) -> str | None:
    """The recorded match; of a template, with what told this target from its siblings."""
    match = dict(one.match or {})
    if not match or set(match) - set(MATCH_KEYS) or "pid" in match:
        return None  # the number of a process is nothing to paste: the next one has another
    for sign, key, seen in ((_UNIT, "unit", one.units), (_COMM, "name", one.comms)):
        if sign in one.spec:
            own = _only(seen)
            if not own:
                return None
            match[key] = _pattern(own)
    if one.spec not in ("", one.name) and _UNIT not in one.spec and _COMM not in one.spec:
        return None  # by a container, which is another one tomorrow
    text = json.dumps(match, ensure_ascii=True)
    return text if len(text) <= _LONGEST else None


def _only(seen: Iterable[str]) -> str:
    found = list(seen)
    return found[0] if len(found) == 1 else ""


def _pattern(text: str) -> str:
    """A shell pattern that matches this text alone."""
    return re.sub(r"([*?\[])", r"[\1]", text)
