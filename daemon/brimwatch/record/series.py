"""What is a series made of? Labels, points, and families in pieces small enough to write between two looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import Metric

from brimwatch.record.snapshot import Snapshot, SubjectView, TargetView
from brimwatch.record.text import label

PIECE = 256  # samples that are built and written before the loop gets its turn again: about 0.5 ms


class Labels(dict[str, str]):
    """Label names and their values; `written` is how both exposition formats write them, made once for all metrics."""

    __slots__ = ("_text",)

    def __init__(self, labels: Iterable[tuple[str, str]] = (), text: str | None = None) -> None:
        super().__init__(labels)
        self._text = text

    @property
    def written(self) -> str:
        """The labels between braces, values escaped; nothing where there are none."""
        if self._text is None:
            self._text = write_labels(self)
        return self._text

    def but(self, *more: tuple[str, str]) -> Labels:
        """The same labels and, after them, some more."""
        text = f"{self.written[:-1]},{write_labels(dict(more))[1:]}" if self else None
        return Labels((*self.items(), *more), text)


def write_labels(labels: Mapping[str, str]) -> str:
    """Write labels as both formats do: backslash, quotation mark and line feed are escaped."""
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class Row(NamedTuple):
    """One subject with the labels that all its series carry."""

    target: TargetView
    subject: SubjectView
    labels: Labels


class Picture(NamedTuple):
    """What one rendering works from. `names` are the labels of each target, with or without subjects."""

    snapshot: Snapshot
    names: tuple[tuple[TargetView, Labels], ...]
    rows: tuple[Row, ...]
    now: float


Point = tuple[Labels, float]


def labelled(snapshot: Snapshot) -> Iterator[tuple[TargetView, Labels]]:
    """Each target with its `target` label; a second target that would get the same label is left out."""
    seen: set[str] = set()
    for target in snapshot.targets:
        name = label(target.name)
        if name not in seen:
            seen.add(name)
            yield target, Labels((("target", name),))


def rows_of(target: TargetView, labels: Labels) -> Iterator[Row]:
    """The subjects of a target; `member` is a label only where there can be several."""
    for subject in target.subjects:
        yield Row(target, subject, labels if subject.slot is None else labels.but(("member", str(subject.slot))))


def pieces_of(name: str, meaning: str, kind: str, points: Iterable[Point]) -> Iterator[Metric]:
    """Put points into families of at most PIECE samples; a family without any sample is absent."""
    family = name.removesuffix("_total") if kind == "counter" else name
    metric = Metric(family, meaning, kind)
    for labels, value in points:
        metric.add_sample(name, labels, value)
        if len(metric.samples) == PIECE:
            yield metric
            metric = Metric(family, meaning, kind)
    if metric.samples:
        yield metric
