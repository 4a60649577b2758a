"""What is in the data set, and what is made of a record? Short sequences in groups, always the same ones.

16,350 records in 444 groups, as the field report counts them. What is known of one record while it is worked on takes
about 150 kB: the pipeline of the report held all of it, and died at 2 GB.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

RECORDS, GROUPS = 16_350, 444
LETTERS = 520  # of a sequence
WORD = 6  # letters looked at together

Features = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Record:
    """A sequence; those of one group stand together, the first of them is the group's reference."""

    number: int
    group: int
    sequence: str


def records(share: int = 1) -> Iterator[Record]:
    """The data set, or of every group the same share of it: 1 is all, 10 a tenth of the records."""
    count = RECORDS // share
    for number in range(count):
        chance = random.Random(number)
        yield Record(number, number * GROUPS // count, "".join(chance.choices("ACGT", k=LETTERS)))


def features(record: Record) -> Features:
    """What is known of every place in the sequence: one dict each, as programs have it that were written quickly."""
    found = []
    for at in range(len(record.sequence) - WORD + 1):
        word = record.sequence[at : at + WORD]
        found.append({"at": at, "word": word, "strength": (word.count("G") + word.count("C")) / WORD + at / 1000})
    return found


def distance(one: Features, other: Features) -> float:
    """How far two records are apart: the share of places at which their words differ, weighted by their strength."""
    parts = [a["strength"] for a, b in zip(one, other, strict=True) if a["word"] != b["word"]]
    return sum(parts) / len(one)


def summary(distances: Iterable[float]) -> dict[str, Any]:
    """What is kept of a group."""
    values = list(distances)
    steps = sum(after > before for before, after in pairwise(values))
    return {"records": len(values), "mean": round(sum(values) / len(values), 9), "rising": steps}


def result(groups: dict[int, list[float]]) -> dict[str, Any]:
    """The result of the job: counts, and a digest of every group's summary, in order."""
    found = [summary(groups[number]) for number in sorted(groups)]
    digest = hashlib.sha256(repr(found).encode()).hexdigest()
    return {"records": sum(one["records"] for one in found), "groups": len(found), "digest": digest}
