"""What do the building blocks spare a service? The reference service in its builds, under the same load, side by side.

Every build is up at the same time, and the load goes to one after the other in slices, so that other work on the
machine meets them all alike. See docs/reference-service.md.
"""

import itertools
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import rag_batch, rag_day, rag_rescue
from tests.bench.figure import emit, say
from tests.bench.machine import free_port
from tests.rag.running import Service, running
from tests.targets.rag_service.index import build
from tests.targets.rag_service.load import Asked, Load
from tests.targets.rag_service.passages import as_asked, passages, questions

ASKED = 200  # different questions
SLICES, SLICE = 10, 400  # so many slices of so many answers for each build
CLIENTS = 4


@dataclass
class Subject:
    """A build under measurement."""

    name: str
    service: Service
    fresh: dict[str, Any]
    warm: dict[str, Any] = field(default_factory=dict)
    answers: list[Asked] = field(default_factory=list)


BUILDS: dict[str, tuple[str, dict[str, str]]] = {
    "naive": ("naive", {}),
    "blocks, scikit-learn": ("blocks", {"RAG_EMBEDDER": "sklearn"}),
    "blocks": ("blocks", {}),
}


def run() -> None:
    """All figures of the reference service."""
    with tempfile.TemporaryDirectory(prefix="brimwatch-rag-") as name:
        folder = Path(name)
        say("fitting the model")
        build(folder / "index")
        side_by_side(folder)
        rag_rescue.run(folder)
        rag_batch.run(folder)
        rag_day.run(folder)


def side_by_side(folder: Path) -> None:
    """Start every build, put the same load on each, and print what each takes."""
    with ExitStack() as stack:
        subjects = [_started(stack, folder, name) for name in BUILDS]
        asked = [as_asked(questions(passages(), ASKED)) for _ in subjects]
        for number in range(SLICES + 1):
            say(f"slice {number} of {SLICES}")
            for subject, stream in zip(subjects, asked, strict=True):
                answers = slice_of(subject.service, stream)
                if number == 0:  # which loads what is loaded when it is needed
                    subject.warm = dict(subject.service.get("/figures"))
                else:
                    subject.answers += answers
        for subject in subjects:
            report(subject)
        compare(subjects)


def _started(stack: ExitStack, folder: Path, name: str) -> Subject:
    kind, settings = BUILDS[name]
    place = folder / name.replace(", ", "-")
    place.mkdir()
    service = stack.enter_context(running(kind, folder / "index", place, free_port(), **settings))
    return Subject(name, service, service.sizes() | service.get("/figures"))


def slice_of(service: Service, asked: Iterator[Any]) -> list[Asked]:
    """Let the clients ask until so many answers are there."""
    load = Load(service.port, itertools.islice(asked, SLICE), CLIENTS)
    return load.wait()


def report(subject: Subject) -> None:
    """The lines of one build."""
    say_figure(subject, "start", subject.service.started, "s")
    for when, found in (("fresh", subject.fresh), ("loaded", measured(subject.service))):
        for figure, unit in (("rss_bytes", "bytes"), ("vms_bytes", "bytes"), ("threads", "1"), ("objects", "1")):
            say_figure(subject, f"{figure}_{when}", found[figure], unit)
    after = measured(subject.service)
    say_figure(subject, "collections", after["collections"] - subject.warm["collections"], "1")
    for cache, ratio in after["hit_ratios"].items():
        say_figure(subject, f"hit_ratio_{cache}", ratio, "ratio")
    for figure, value in latencies(subject.answers).items():
        say_figure(subject, figure, value, "s")
    say_figure(subject, "not_answered", sum(one.status != 200 for one in subject.answers), "1")
    say_figure(subject, "answered_by_right_passage", share(subject.answers, right), "ratio")


def compare(subjects: list[Subject]) -> None:
    """What each build takes as a share of the naive one."""
    naive = subjects[0]
    for subject in subjects[1:]:
        for figure, of in (
            ("rss", lambda one: one.service.resident()),
            ("collections", lambda one: measured(one.service)["collections"] - one.warm["collections"]),
            ("latency_p50", lambda one: latencies(one.answers)["latency_p50"]),
            ("latency_p99", lambda one: latencies(one.answers)["latency_p99"]),
        ):
            say_figure(subject, f"{figure}_against_naive", of(subject) / of(naive), "ratio")


def measured(service: Service) -> dict[str, Any]:
    """Sizes from outside, figures from inside."""
    return service.sizes() | dict(service.get("/figures"))


def latencies(answers: list[Asked]) -> dict[str, float]:
    """Median and 99th percentile, as the client sees them."""
    found = sorted(one.seconds for one in answers)
    return {"latency_p50": statistics.median(found), "latency_p99": found[int(len(found) * 0.99)]}


def right(one: Asked) -> bool:
    """Whether the passage that the question was made from is among the sources."""
    return one.answered_by in one.sources


def share(answers: list[Asked], holds: Callable[[Asked], bool]) -> float:
    return sum(map(holds, answers)) / len(answers)


def say_figure(subject: Subject, figure: str, value: float | None, unit: str) -> None:
    emit("rag", figure, value, unit, len(subject.answers), subject.name)
