"""Does the service with the blocks stay as large as it is for a day? Its clock runs fast: a day takes two minutes.

What expires does so that much sooner, services come round that much more often, and a day's questions are asked:
8,640, one every ten seconds of the service's time. Its resident set is told after each quarter of the day.
"""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figure import emit, say
from tests.bench.machine import free_port
from tests.rag.running import Service, running
from tests.targets.rag_service.load import Asked, Load
from tests.targets.rag_service.passages import as_asked, passages, questions

SECONDS, DAY, QUESTIONS = 120.0, 86_400.0, 8_640
HOURS = 24


def run(folder: Path) -> None:
    """The day, and what it left."""
    place = folder / "day"
    place.mkdir()
    say(f"a day in {SECONDS:g} s")
    with running("blocks", folder / "index", place, free_port(), RAG_CLOCK_SPEED=str(DAY / SECONDS)) as service:
        asked = as_asked(questions(passages(), 1000))  # five times as many different ones as caches can hold
        sizes, answers = [], []
        for _ in range(HOURS):
            answers += hour(service, asked)
            sizes.append(service.resident())
    for quarter in range(4):
        emit("rag_day", "rss_bytes", sizes[quarter * 6 + 5], "bytes", len(answers), "blocks", hour=quarter * 6 + 6)
    emit("rag_day", "growth", sizes[-1] / sizes[HOURS // 4 - 1] - 1, "ratio", len(answers), "blocks", hours=18)
    emit("rag_day", "not_answered", sum(one.status != 200 for one in answers), "1", len(answers), "blocks")


def hour(service: Service, asked: Iterator[Any]) -> list[Asked]:
    """An hour's questions, spread over the hour's time."""
    began = time.monotonic()
    answers = Load(service.port, itertools.islice(asked, QUESTIONS // HOURS), clients=2).wait()
    time.sleep(max(0.0, SECONDS / HOURS - (time.monotonic() - began)))
    return answers
