"""What does a Dockerfile say to do? The few words that ours uses; anything else is refused.

Source: the reference of the Dockerfile format.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

STEPS = ("RUN", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD")


@dataclass(frozen=True)
class Step:
    """One instruction: its word, the rest of its line, and the number of that."""

    word: str
    rest: str
    line: int


@dataclass(frozen=True)
class Stage:
    base: str
    name: str | None
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> str:
        return next(step.rest for step in reversed(self.steps) if step.word == word)

    def environ(self) -> dict[str, str]:
        pairs = [pair for step in self.steps if step.word == "ENV" for pair in shlex.split(step.rest)]
        return dict(pair.split("=", 1) for pair in pairs)

    def words(self, word: str) -> list[str]:
        """An instruction in its exec form. Raises ValueError where it has the shell form, which needs a shell."""
        text = self.last(word)
        found = json.loads(text[text.index("[") :])
        if not isinstance(found, list):
            raise ValueError(f"{word} {text}: wanted a list")
        return [str(one) for one in found]


def parse(path: Path) -> list[Stage]:
    """The stages of a Dockerfile. Raises ValueError for what is not understood."""
    stages: list[Stage] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            parts = rest.split()
            if len(parts) not in (1, 3) or (len(parts) == 3 and parts[1] != "AS"):
                raise ValueError(f"{path.name}:{number}: found {line!r}, wanted FROM BASE [AS NAME]")
            stages.append(Stage(parts[0], parts[2] if len(parts) == 3 else None))
        elif word not in STEPS or not stages or line.endswith("\\") or "$" in rest:
            raise ValueError(f"{path.name}:{number}: found {line!r}, which is not understood here")
        else:
            stages[-1].steps.append(Step(word, rest, number))
    return stages


def copied(step: Step) -> tuple[str | None, list[str], str]:
    """A COPY: the stage that it copies from, or None, what, and where to."""
    words = step.rest.split()
    origin = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
    if any(word.startswith("-") or "*" in word for word in words):
        raise ValueError(f"line {step.line}: COPY {step.rest}: which is not understood here")
    return origin, words[:-1], words[-1]
