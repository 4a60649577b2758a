"""What does the service know, and what is it asked? Paragraphs of Python's language reference, which Python brings.

Real English, offline, and the same wherever the same Python runs: `pydoc_data.topics`, what `help("FORMATTING")` shows.
"""

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

FEWEST_WORDS = 12  # of a paragraph: shorter ones are headings and examples
ASKED_WORDS = 8


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, and the topic that it stands under."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, and the number of the passage that answers it."""

    text: str
    answered_by: int


def passages() -> list[Passage]:
    """All paragraphs, about 1,550 of 270 characters."""
    from pydoc_data.topics import topics  # 0.7 MB that only who needs them pays for

    return [
        Passage(title, " ".join(paragraph.split()))
        for title, text in sorted(topics.items())
        for paragraph in re.split(r"\n\s*\n", text)
        if len(paragraph.split()) >= FEWEST_WORDS
    ]


def questions(known: list[Passage], count: int, seed: int = 0) -> list[Question]:
    """Questions in words of passages: what the reader remembers of one, eight words in a row."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        number = chance.randrange(len(known))
        words = re.findall(r"\w\w+", known[number].text)
        first = chance.randrange(max(1, len(words) - ASKED_WORDS))
        found.append(Question(" ".join(words[first : first + ASKED_WORDS]), number))
    return found


def as_asked(asked: list[Question], seed: int = 0) -> Iterator[Question]:
    """The questions without end, as people ask them: few often, most rarely (Zipf's law, exponent 1.5)."""
    chance = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank**1.5 for rank in range(1, len(asked) + 1)))
    while True:
        yield from chance.choices(asked, cum_weights=weights, k=1000)
