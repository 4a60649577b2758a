"""Does the API's JSON say what the snapshot holds?"""

import json
import math

from tests.record.pictures import MB, NOW, WALL, many, told

from brimwatch.model import Limit, ProcessId, Reading, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, EventLog
from brimwatch.record.shapes import event_shape, find_target, status_shape, target_shape, target_shapes
from brimwatch.record.snapshot import MemberView, Snapshot, SubjectView, TargetView, ThresholdView
from brimwatch.units import Bytes

MEMBER = MemberView(ProcessId(7, 70), "ev\x1bil", "run \n me", "root", unit="a.service", resident=5)
SUBJECT = SubjectView(
    3,
    Sample(
        NOW - 0.5,
        {
            Quantity.RSS: Reading(5.0, NOW),
            Quantity.PRESSURE: Reading(0.25, NOW),
            Quantity.GROWTH: Reading(-1.5, NOW),
            Quantity.TIME_TO_LIMIT: Reading(math.inf, NOW),
        },
        Limit(Bytes(10), "cgroup"),
        Bytes(4),
        partial=True,
    ),
    Tier.CRITICAL,
    WALL,
    (MEMBER,),
    (ThresholdView(Tier.CRITICAL, "rss", 8.0),),
    {"some": 0.25},
    {"statm": True},
    reduction=0.5,
    recommended_limit=12,
)


def test_a_target_is_told_in_full() -> None:
    target = TargetView("we\nb", "standard", "general", False, 1, (SUBJECT,), {"cgroup": 2}, (("critical", "usr1"),))

    assert target_shape(target, NOW) == {
        "name": "we\ufffdb~c50d5d45d5",
        "up": True,
        "tier": "critical",
        "policy": "standard",
        "priority": "general",
        "grouped": False,
        "processes": 1,
        "oom_kills": {"cgroup": 2},
        "rungs": [{"tier": "critical", "action": "usr1"}],
        "subjects": [
            {
                "member": 3,
                "tier": "critical",
                "since": "2025-10-09T08:53:20.000Z",
                "age_seconds": 0.5,
                "partial": True,
                "rss_bytes": 5,
                "pressure_ratio": 0.25,
                "growth_bytes_per_second": -1.5,
                "limit": {"bytes": 10, "source": "cgroup"},
                "headroom_bytes": 4,
                "reduction_ratio": 0.5,
                "recommended_limit_bytes": 12,
                "memory_pressure_ratio": {"some": 0.25},
                "thresholds": [{"tier": "critical", "signal": "rss", "value": 8}],
                "collectors": {"statm": True},
                "processes": [
                    {
                        "pid": 7,
                        "comm": r"ev\x1bil",
                        "cmdline": r"run \n me",
                        "user": "root",
                        "unit": "a.service",
                        "resident_bytes": 5,
                    }
                ],
            }
        ],
    }


def test_the_status_counts_targets_by_their_worst_tier() -> None:
    status = status_shape(told(), WALL + 2)

    assert status["tiers"] == {"calm": 3, "warning": 0, "critical": 1, "emergency": 0}
    assert (status["targets"], status["processes"]) == (4, 6)
    assert (status["uptime_seconds"], status["snapshot_age_seconds"]) == (7202, 2)
    assert status["config"] == {
        "source": "/etc/brimwatch/brimwatch.yaml",
        "last_reload_successful": True,
        "loaded": "2025-10-09T07:53:20.000Z",
    }
    assert status["host"] == {
        "memory_pressure_ratio": {"some": 0.01, "full": 0.0},
        "memory_bytes": 8000 * MB,
        "memory_available_bytes": 3000 * MB,
        "memory_used_ratio": 0.625,
    }


def test_what_is_unknown_of_an_empty_snapshot_is_absent() -> None:
    status = status_shape(Snapshot(WALL, NOW, ()), WALL)

    assert status["host"] == {"memory_pressure_ratio": {}}
    assert status["config"] == {"source": "", "last_reload_successful": True, "loaded": None}


def test_every_shape_is_strict_json() -> None:
    shapes = [status_shape(told(), WALL), *target_shapes(told(), NOW), *target_shapes(many(3), NOW)]

    assert [json.loads(json.dumps(shape, allow_nan=False)) for shape in shapes] == shapes


def test_targets_are_found_by_the_name_they_are_shown_under() -> None:
    snapshot = Snapshot(WALL, NOW, (TargetView("we\nb", "p", "general", False, 0),))

    assert find_target(snapshot, "we\ufffdb~c50d5d45d5") is snapshot.targets[0]
    assert find_target(snapshot, "other") is None


def test_an_event_is_told_with_its_sentence_and_facts() -> None:
    facts = {"evidence": "cgroup", "count": 1, "pid": 9, "rate": math.nan, "detail": "a\nb"}
    recorded = EventLog().add(Event(Name.OOM_KILLED, WALL, "web", 3, facts))

    assert event_shape(recorded) == {
        "id": round(WALL * 1000),
        "time": "2025-10-09T08:53:20.000Z",
        "event": "oom_killed",
        "target": "web",
        "member": 3,
        "level": "error",
        "told": "web#3: the kernel killed a process (pid 9) for lack of memory; evidence: cgroup",
        "facts": {"evidence": "cgroup", "count": 1, "pid": 9, "rate": "nan", "detail": r"a\nb"},
    }


def test_an_event_of_the_daemon_has_no_target() -> None:
    shape = event_shape(EventLog().add(Event(Name.DAEMON_STARTED, WALL)))

    assert {"target", "member"} & set(shape) == set()
