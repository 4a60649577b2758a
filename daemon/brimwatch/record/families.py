"""Which metrics does a snapshot hold, and under which names, labels and units?

One row of FAMILIES is one metric family; a later collector adds a row. A value that was not measured is absent. Where a
target has one subject there is no `member` label. Does *not* cover what is counted while running: see metrics.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from prometheus_client.core import Metric

from brimwatch.model import Sample
from brimwatch.quantity import Quantity
from brimwatch.record import inside
from brimwatch.record.from_agents import cache_ratios, footprints, infos
from brimwatch.record.series import Labels, Picture, Point, pieces_of
from brimwatch.record.snapshot import HostView, Snapshot, SubjectView
from brimwatch.record.text import label

Points = Callable[[Picture], Iterator[Point]]


class Family(NamedTuple):
    """One metric family: its help text, and where its samples come from."""

    name: str
    meaning: str
    points: Points
    kind: str = "gauge"


def pieces(picture: Picture) -> Iterator[Metric]:
    """Every family of the snapshot, in the order of FAMILIES, each in pieces of at most PIECE samples."""
    for family in FAMILIES:
        yield from pieces_of(family.name, family.meaning, family.kind, family.points(picture))


def _subjects(get: Callable[[SubjectView], float | None]) -> Points:
    def points(picture: Picture) -> Iterator[Point]:
        for row in picture.rows:
            value = get(row.subject)
            if value is not None:
                yield row.labels, value

    return points


def _samples(get: Callable[[Sample], float | None]) -> Points:
    return _subjects(lambda subject: None if subject.sample is None else get(subject.sample))


def _reading(quantity: Quantity) -> Points:
    return _samples(lambda sample: sample.value(quantity))


def _host(get: Callable[[HostView], float | None]) -> Points:
    def points(picture: Picture) -> Iterator[Point]:
        value = get(picture.snapshot.host)
        if value is not None:
            yield Labels(), value

    return points


def _daemon(get: Callable[[Snapshot], float]) -> Points:
    def points(picture: Picture) -> Iterator[Point]:
        yield Labels(), get(picture.snapshot)

    return points


def virtual_fragmentation(sample: Sample) -> float | None:
    """1 - RSS/VMS, measured or worked out; None where either is unknown."""
    measured = sample.value(Quantity.VIRTUAL_FRAGMENTATION)
    resident, virtual = sample.value(Quantity.RSS), sample.value(Quantity.VMS)
    if measured is not None or resident is None or not virtual:
        return measured
    return max(0.0, 1 - resident / virtual)


def memory_used(host: HostView) -> float | None:
    """1 - MemAvailable/MemTotal; None where either is unknown."""
    return 1 - host.available / host.total if host.total and host.available is not None else None


def _up(picture: Picture) -> Iterator[Point]:
    for target, labels in picture.names:
        yield labels, 1.0 if target.subjects else 0.0


def _processes(picture: Picture) -> Iterator[Point]:
    for target, labels in picture.names:
        counted = float(target.processes)
        if not counted and target.subjects:  # the host: its processes are counted, not matched
            sample = target.subjects[0].sample
            measured = None if sample is None else sample.value(Quantity.PROCESSES)
            if measured is None:
                continue
            counted = measured
        yield labels, counted


def _limits(picture: Picture) -> Iterator[Point]:
    for row in picture.rows:
        limit = None if row.subject.sample is None else row.subject.sample.limit
        if limit is not None:
            yield row.labels.but(("source", limit.source)), limit.bytes


def _fragmentation(picture: Picture) -> Iterator[Point]:
    for row in picture.rows:
        ratio = None if row.subject.sample is None else virtual_fragmentation(row.subject.sample)
        if ratio is not None:
            yield row.labels.but(("allocator", "virtual")), ratio
    yield from inside.holes(picture)


def _pressure(picture: Picture) -> Iterator[Point]:
    for row in picture.rows:
        for kind, ratio in row.subject.pressure.items():
            yield row.labels.but(("kind", kind)), ratio


def _thresholds(picture: Picture) -> Iterator[Point]:
    for row in picture.rows:
        for threshold in row.subject.thresholds:
            yield row.labels.but(("tier", threshold.tier.label), ("signal", threshold.signal)), threshold.value


def _capable(picture: Picture) -> Iterator[Point]:
    for target, labels in picture.names:
        able = dict(target.capable)
        for subject in target.subjects:
            for collector, capable in subject.capable.items():
                able[collector] = capable and able.get(collector, True)
        for collector, capable in able.items():
            yield labels.but(("collector", label(collector))), float(capable)


def _age(picture: Picture) -> Iterator[Point]:
    for target, labels in picture.names:
        oldest = min((subject.sample.at for subject in target.subjects if subject.sample is not None), default=None)
        if oldest is not None:
            yield labels, max(0.0, picture.now - oldest)


def _host_pressure(picture: Picture) -> Iterator[Point]:
    for kind, ratio in picture.snapshot.host.pressure.items():
        yield Labels((("kind", kind),)), ratio


FAMILIES: tuple[Family, ...] = (
    Family("brimwatch_target_up", "1 while the target matches at least one process, or is the host; else 0.", _up),
    Family("brimwatch_target_processes", "Processes that the target matches now.", _processes),
    Family("brimwatch_target_threads", "Threads.", _reading(Quantity.THREADS)),
    Family("brimwatch_target_open_fds", "Open file descriptors.", _reading(Quantity.FDS)),
    Family(
        "brimwatch_target_resident_memory_bytes",
        "Resident set (RSS). The sum of a group counts shared pages again for each process.",
        _reading(Quantity.RSS),
    ),
    Family(
        "brimwatch_target_proportional_memory_bytes",
        "Proportional set (PSS): a page shared by n processes counts one n-th.",
        _reading(Quantity.PSS),
    ),
    Family(
        "brimwatch_target_unique_memory_bytes",
        "Unique set (USS): what would come back if the process ended.",
        _reading(Quantity.USS),
    ),
    Family(
        "brimwatch_target_virtual_memory_bytes",
        "Virtual size (VMS): address space, most of which may never have been touched.",
        _reading(Quantity.VMS),
    ),
    Family("brimwatch_target_swap_bytes", "Swapped out anonymous pages.", _reading(Quantity.SWAP)),
    Family("brimwatch_target_anonymous_memory_bytes", "Resident anonymous pages.", _reading(Quantity.ANON)),
    Family(
        "brimwatch_target_peak_resident_memory_bytes",
        "Highest resident set since the process started (VmHWM).",
        _reading(Quantity.PEAK_RSS),
    ),
    Family(
        "brimwatch_target_working_set_bytes",
        "Usage of the memory cgroup minus inactive file pages. Members of one cgroup read the same number.",
        _reading(Quantity.WORKING_SET),
    ),
    Family(
        "brimwatch_target_memory_limit_bytes",
        "Effective limit: the tightest cgroup on the way up (source cgroup), else the memory of the machine.",
        _limits,
    ),
    Family(
        "brimwatch_target_headroom_bytes",
        "Smallest difference of limit and working set on the way up; for the machine its available memory.",
        _samples(lambda sample: sample.headroom),
    ),
    Family(
        "brimwatch_target_fragmentation_ratio",
        "Share that is held but unused. Allocator virtual is 1 - RSS/VMS: address space, free of cost.",
        _fragmentation,
    ),
    Family(
        "brimwatch_target_allocator_held_bytes",
        "Resident memory that an allocator holds: pymalloc's pools, glibc's heaps.",
        inside.HELD,
    ),
    Family(
        "brimwatch_target_allocator_used_bytes",
        "What of that is handed out to the program.",
        inside.USED,
    ),
    Family(
        "brimwatch_target_allocator_trimmable_bytes",
        "What malloc_trim would give back to the system now.",
        inside.TRIMMABLE,
    ),
    Family("brimwatch_target_python_objects", "Objects that the garbage collector tracks.", inside.objects),
    Family(
        "brimwatch_target_python_blocks",
        "Live blocks of the interpreter's small-object allocator.",
        _reading(Quantity.PYTHON_BLOCKS),
    ),
    Family("brimwatch_target_python_threads", "Threads that run Python code.", _reading(Quantity.PYTHON_THREADS)),
    Family(
        "brimwatch_target_introspection_complete_ratio",
        "Share of the allocator's pools that could be looked at: less where pages are in swap.",
        _reading(Quantity.INTROSPECTION_COMPLETE),
    ),
    Family("brimwatch_hook_footprint_bytes", "What a hook could give back, as the program says.", footprints),
    Family("brimwatch_cache_hit_ratio", "Hit ratio of a cache, as the program says.", cache_ratios),
    Family("brimwatch_hook_info_value", "Other figures of a hook, as the program says.", infos),
    Family(
        "brimwatch_target_growth_bytes_per_second",
        "Slope of the last looks; negative while shrinking.",
        _reading(Quantity.GROWTH),
    ),
    Family(
        "brimwatch_target_time_to_limit_seconds",
        "Headroom divided by growth. Absent while not growing.",
        _reading(Quantity.TIME_TO_LIMIT),
    ),
    Family(
        "brimwatch_target_memory_pressure_ratio",
        "Share of the last 10 s in which some or all (full) tasks waited for memory (PSI of the cgroup).",
        _pressure,
    ),
    Family(
        "brimwatch_target_recommended_limit_bytes",
        "Memory limit that fits what was observed.",
        _subjects(lambda subject: subject.recommended_limit),
    ),
    Family(
        "brimwatch_target_reduction_ratio",
        "1 - resident set now / its peak.",
        _subjects(lambda subject: subject.reduction),
    ),
    Family(
        "brimwatch_target_tier",
        "0 calm, 1 warning, 2 critical, 3 emergency.",
        _subjects(lambda subject: float(subject.tier)),
    ),
    Family(
        "brimwatch_target_threshold",
        "Where the tier is entered, in the base unit of the signal; percentages are worked out.",
        _thresholds,
    ),
    Family(
        "brimwatch_host_memory_used_ratio",
        "1 - MemAvailable/MemTotal of the machine.",
        _host(memory_used),
    ),
    Family(
        "brimwatch_host_memory_pressure_ratio",
        "Share of the last 10 s in which some or all (full) tasks of the machine waited for memory (PSI).",
        _host_pressure,
    ),
    Family("brimwatch_sample_age_seconds", "Time since the target (its member looked at longest ago) was seen.", _age),
    Family(
        "brimwatch_collector_capable",
        "1 where the source can be read for every member of the target, else 0.",
        _capable,
    ),
    Family(
        "brimwatch_webhook_queue_length",
        "Webhook messages that wait to be delivered.",
        _daemon(lambda snapshot: snapshot.webhook_queue),
    ),
    Family(
        "brimwatch_introspection_cpu_seconds_total",
        "CPU time spent looking inside targets.",
        _daemon(lambda snapshot: snapshot.introspection_cpu),
        "counter",
    ),
)
