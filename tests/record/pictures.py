"""Snapshots for tests: one told in full, and one of any size."""

from dataclasses import replace

from brimwatch.model import Limit, ProcessId, Reading, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.snapshot import (
    AgentView,
    HookView,
    HostView,
    MemberView,
    Snapshot,
    SubjectView,
    TargetView,
    ThresholdView,
)
from brimwatch.units import Bytes

NOW = 5000.0  # monotonic
WALL = 1_760_000_000.0
MB = 10**6

RUNGS = (
    ("warning", "trim"),
    ("critical", "reclaim"),
    ("critical", "usr1"),
    ("emergency", "stacks"),
    ("emergency", "pager"),
    ("emergency", "reclaim"),
    ("emergency", "restart"),
)
INSIDE = {
    "python_objects": 81_234.0,
    "python_blocks": 412_345.0,
    "python_threads": 35.0,
    "pymalloc_held": 40.0 * MB,
    "pymalloc_used": 30.0 * MB,
    "glibc_held": 50.0 * MB,
    "glibc_used": 20.0 * MB,
    "trimmable": 24.0 * MB,
    "introspection_complete": 1.0,
}
CAPABLE = {"statm": True, "status": True, "smaps_rollup": True, "fd": True, "cgroup": True, "pressure": False}


def sample(rss: float, at: float = NOW - 0.25, limit: int | None = 1000 * MB, **more: float) -> Sample:
    """A look with everything that can be seen from outside; `more` adds readings by quantity name."""
    values = {
        Quantity.RSS: rss,
        Quantity.PSS: rss * 0.9,
        Quantity.USS: rss * 0.8,
        Quantity.VMS: rss * 4,
        Quantity.SWAP: 0.0,
        Quantity.ANON: rss * 0.75,
        Quantity.PEAK_RSS: rss * 1.25,
        Quantity.WORKING_SET: rss + 20 * MB,
        Quantity.THREADS: 12.0,
        Quantity.FDS: 40.0,
        **{Quantity(name): value for name, value in more.items()},
    }
    return Sample(
        at=at,
        readings={quantity: Reading(value, at) for quantity, value in values.items()},
        limit=None if limit is None else Limit(Bytes(limit), "cgroup"),
        headroom=None if limit is None else Bytes(round(limit - rss - 20 * MB)),
        cgroup="/system.slice/checkout.service",
    )


def thresholds(limit: float = 1000 * MB) -> tuple[ThresholdView, ...]:
    """What `standard` says of a limit."""
    return (
        ThresholdView(Tier.WARNING, "working_set", limit * 0.7),
        ThresholdView(Tier.CRITICAL, "working_set", limit * 0.85),
        ThresholdView(Tier.EMERGENCY, "working_set", limit * 0.95),
        ThresholdView(Tier.EMERGENCY, "time_to_limit", 20.0),
    )


def member(pid: int, resident: int, **more: str) -> MemberView:
    """One gunicorn worker."""
    facts = {"comm": "gunicorn", "cmdline": "gunicorn -w 4 shop.wsgi --password=***", "user": "shop"} | more
    return MemberView(
        ProcessId(pid, pid * 10),
        cgroup="/system.slice/checkout.service",
        unit="checkout.service",
        resident=resident,
        **facts,
    )


def subject(slot: int | None, rss: int, tier: Tier = Tier.CALM, **more: float) -> SubjectView:
    """A member with its thresholds, pressure and collectors."""
    return SubjectView(
        slot=slot,
        sample=sample(rss, **more),
        tier=tier,
        since_wall=WALL - 125,
        members=(member(4000 + (slot or 0), rss),),
        thresholds=thresholds(),
        pressure={"some": 0.02, "full": 0.0},
        capable=CAPABLE,
        reduction=0.2,
        recommended_limit=round(rss * 1.5),
    )


AGENT = AgentView(
    objects=181_234,
    threads=9,
    hooks=(
        HookView("reports", 96 * MB, 0.875, (("entries", 120.0),)),
        HookView("sessions:pool", 4 * MB),
    ),
)


def told() -> Snapshot:
    """Every sort of target: several members, one subject, the host, and one that matches nothing."""
    checkout = TargetView(
        "checkout",
        policy="standard",
        priority="important",
        grouped=False,
        processes=2,
        subjects=(
            subject(0, 612 * MB),
            replace(subject(3, 861 * MB, Tier.CRITICAL, growth=12.5 * MB, time_to_limit=9.5), agent=AGENT),
        ),
        oom_kills={"cgroup": 1},
        rungs=RUNGS,
    )
    seen = replace(subject(None, 150 * MB, growth=-0.5 * MB, **INSIDE), objects_source="walk")
    search = TargetView("search", "small", "general", True, 4, subjects=(seen,), rungs=RUNGS[:1])
    host = TargetView(
        "host",
        "medical",
        "important",
        False,
        0,
        subjects=(
            SubjectView(
                None,
                Sample(
                    NOW - 1,
                    {
                        Quantity.MEMORY_USED: Reading(0.625, NOW - 1),
                        Quantity.PROCESSES: Reading(213.0, NOW - 1),
                        Quantity.PRESSURE: Reading(0.01, NOW - 1),
                    },
                    Limit(Bytes(8_000 * MB), "machine"),
                    Bytes(3_000 * MB),
                ),
                Tier.CALM,
                WALL - 4000,
                thresholds=(ThresholdView(Tier.WARNING, "memory_used", 0.7),),
                pressure={"some": 0.01, "full": 0.0},
            ),
        ),
    )
    absent = TargetView("batch", "small", "general", False, 0, rungs=RUNGS[:1])
    return Snapshot(
        wall=WALL,
        at=NOW,
        targets=(checkout, search, host, absent),
        host=HostView(8_000 * MB, 3_000 * MB, {"some": 0.01, "full": 0.0}),
        config_source="/etc/brimwatch/brimwatch.yaml",
        config_loaded_wall=WALL - 3600,
        started_wall=WALL - 7200,
        introspection_cpu=1.5,
    )


def many(count: int) -> Snapshot:
    """`count` targets with one member each, all with everything."""
    targets = tuple(
        TargetView(
            f"service-{number:05d}",
            "standard",
            "important",
            False,
            1,
            subjects=(subject(None, (50 + number % 700) * MB + number, growth=1.5e5, time_to_limit=6000.0),),
            rungs=RUNGS,
        )
        for number in range(count)
    )
    return Snapshot(WALL, NOW, targets, HostView(8_000 * MB, 3_000 * MB), started_wall=WALL - 60)
