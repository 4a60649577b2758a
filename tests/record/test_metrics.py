"""Does a scrape say what the snapshot holds and what was counted?"""

import asyncio
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain
from tests.record.pictures import MB, NOW, RUNGS, WALL, many, sample, subject, told

from brimwatch.model import Reading, Reason, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.exposition import OPENMETRICS
from brimwatch.record.families import FAMILIES
from brimwatch.record.metrics import Metrics
from brimwatch.record.snapshot import AgentView, HookView, HostView, Snapshot, SubjectView, TargetView
from brimwatch.units import Bytes, Seconds

GOLDEN = Path(__file__).parent.parent / "golden" / "metrics.txt"
DOCUMENT = Path(__file__).parent.parent.parent / "daemon" / "docs" / "metrics.md"
MOST_SERIES = 60  # of one target with one subject

Key = tuple[str, tuple[tuple[str, str], ...]]


def quiet() -> Metrics:
    """Metrics whose output never changes."""
    return Metrics(clock=lambda: NOW, version="0.1.0", python="3.11.4", process=False)


def rendered(metrics: Metrics, snapshot: Snapshot, accept: str = "") -> str:
    return asyncio.run(metrics.render(snapshot, accept))[0].decode()


def series(text: str) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for family in read_plain(text):
        for one in family.samples:
            key = one.name, tuple(sorted(one.labels.items()))
            assert key not in found
            found[key] = one.value
    return found


def value(text: str, name: str, **labels: str) -> float | None:
    return series(text).get((name, tuple(sorted(labels.items()))))


def one(*subjects: SubjectView, **more: object) -> Snapshot:
    facts = {"policy": "standard", "priority": "important", "grouped": False, "processes": len(subjects)} | more
    return Snapshot(WALL, NOW, (TargetView("web", subjects=subjects, **facts),))  # type: ignore[arg-type]


def a_day(metrics: Metrics) -> Metrics:
    """A fixed story for the golden file."""
    for target in told().targets:
        metrics.declare(target.name, target.rungs)
    metrics.transition("checkout", Tier.CALM, Tier.WARNING)
    metrics.transition("checkout", Tier.WARNING, Tier.CRITICAL)
    metrics.suppressed("checkout", Tier.CRITICAL, "reclaim", Reason.NO_AGENT)
    metrics.attempted("checkout", Tier.CRITICAL, "usr1")
    metrics.reclaimed("checkout", Tier.CRITICAL, "usr1", Bytes(212_400_000))
    metrics.attempted("checkout", Tier.WARNING, "trim")
    metrics.failed("checkout", Tier.WARNING, "trim", Reason.DEADLINE)
    metrics.oom_kill("checkout", "cgroup")
    metrics.duration("usr1", Seconds(1.2))
    metrics.duration("trim", Seconds(5.0))
    metrics.reaction(Seconds(0.003))
    metrics.sample_duration(Seconds(0.00002))
    metrics.sample_duration(Seconds(0.0003))
    metrics.claimed("checkout", {"reports": 96_000_000})
    metrics.collected("checkout", (105, 9, 1))
    metrics.gave_way("checkout", 45_000_000)
    metrics.undone("checkout", "brake", "no_effect")
    metrics.series_dropped(2)
    metrics.reload_result(True, WALL - 3600)
    return metrics


def test_a_scrape_is_what_the_golden_file_says() -> None:
    text = rendered(a_day(quiet()), told())

    if os.environ.get("BRIMWATCH_WRITE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text.splitlines() == GOLDEN.read_text().splitlines()


def test_promtool_finds_nothing_to_complain_of(component: Callable[[str], str]) -> None:
    text = rendered(a_day(Metrics(clock=lambda: NOW)), told())
    result = subprocess.run([component("promtool"), "check", "metrics"], input=text, capture_output=True, text=True)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_openmetrics_says_the_same_and_parses() -> None:
    plain = rendered(a_day(quiet()), told())
    text = rendered(a_day(quiet()), told(), OPENMETRICS)
    parsed = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in read_openmetrics(text) for s in f.samples}

    assert text.endswith("# EOF\n")
    assert parsed == series(plain)


def test_every_documented_metric_exists_and_every_metric_is_documented() -> None:
    documented = set(re.findall(r"`(brimwatch_[a-z_]+)(?:\{[^}]*\})?`", DOCUMENT.read_text()))
    collected = {
        metric.name + ("_total" if metric.type == "counter" else "") for metric in a_day(quiet()).registry.collect()
    }

    assert documented == collected | {family.name for family in FAMILIES}


def test_a_full_target_keeps_within_its_number_of_series() -> None:
    metrics = quiet()
    metrics.declare("service-00000", RUNGS)
    of_target = [key for key in series(rendered(metrics, many(1))) if ("target", "service-00000") in key[1]]

    assert len(of_target) <= MOST_SERIES


def test_an_agent_adds_a_bounded_number_of_series() -> None:
    hooks = tuple(HookView(f"hook-{number}", 5, 0.5, ((f"key-{number}", 1.0),)) for number in range(8))
    crowded = replace(subject(None, 100 * MB), agent=AgentView(5, 5, hooks))
    metrics = quiet()
    metrics.collected("web", (1, 1, 1))
    metrics.claimed("web", {f"hook-{number}": 1 for number in range(200)})
    text = rendered(metrics, one(crowded))
    without = rendered(quiet(), one(replace(crowded, agent=None)))

    assert len(series(text)) - len(series(without)) <= 40
    assert value(text, "brimwatch_series_dropped_total") == 192
    assert value(text, "brimwatch_hook_info_value", target="web", hook="hook-7", key="key-7") == 1


def test_a_value_that_was_not_measured_is_absent_and_not_0() -> None:
    empty = SubjectView(None, Sample(NOW, {Quantity.RSS: Reading(5.0, NOW)}), Tier.CALM, WALL)
    text = rendered(quiet(), one(empty))
    names = {name for name, labels in series(text) if dict(labels).get("target") == "web"}

    assert names == {
        "brimwatch_target_up",
        "brimwatch_target_processes",
        "brimwatch_target_resident_memory_bytes",
        "brimwatch_target_tier",
        "brimwatch_sample_age_seconds",
    }


def test_a_target_not_yet_looked_at_is_up_without_values() -> None:
    text = rendered(quiet(), one(SubjectView(None, None, Tier.CALM, WALL)))

    assert value(text, "brimwatch_target_up", target="web") == 1
    assert value(text, "brimwatch_target_resident_memory_bytes", target="web") is None


def test_one_subject_has_no_member_label_and_several_have() -> None:
    alone = rendered(quiet(), one(subject(None, 5)))
    several = rendered(quiet(), one(subject(0, 5), subject(3, 7)))

    assert value(alone, "brimwatch_target_resident_memory_bytes", target="web") == 5
    assert value(several, "brimwatch_target_resident_memory_bytes", target="web", member="3") == 7
    assert value(several, "brimwatch_target_resident_memory_bytes", target="web") is None


def test_a_target_that_matches_nothing_is_down_and_keeps_its_counters() -> None:
    metrics = quiet()
    metrics.attempted("web", Tier.CRITICAL, "usr1")
    text = rendered(metrics, one())

    assert value(text, "brimwatch_target_up", target="web") == 0
    assert value(text, "brimwatch_target_processes", target="web") == 0
    assert value(text, "brimwatch_target_tier", target="web") is None
    assert value(text, "brimwatch_actions_total", target="web", tier="critical", action="usr1") == 1


def test_the_host_is_up_and_its_processes_are_counted_only_where_measured() -> None:
    host = SubjectView(None, Sample(NOW, {}), Tier.CALM, WALL)
    counted = replace(host, sample=Sample(NOW, {Quantity.PROCESSES: Reading(213.0, NOW)}))

    assert value(rendered(quiet(), one(host, processes=0)), "brimwatch_target_up", target="web") == 1
    assert value(rendered(quiet(), one(host, processes=0)), "brimwatch_target_processes", target="web") is None
    assert value(rendered(quiet(), one(counted, processes=0)), "brimwatch_target_processes", target="web") == 213


def test_virtual_fragmentation_is_measured_or_worked_out() -> None:
    worked_out = rendered(quiet(), one(subject(None, 100)))
    measured = rendered(quiet(), one(replace(subject(None, 100), sample=sample(100, virtual_fragmentation=0.5))))

    assert value(worked_out, "brimwatch_target_fragmentation_ratio", target="web", allocator="virtual") == 0.75
    assert value(measured, "brimwatch_target_fragmentation_ratio", target="web", allocator="virtual") == 0.5


def test_the_age_of_a_target_is_that_of_its_oldest_sample() -> None:
    old = replace(subject(1, 5), sample=sample(5, at=NOW - 7))

    assert value(rendered(quiet(), one(subject(0, 5), old)), "brimwatch_sample_age_seconds", target="web") == 7


@pytest.mark.parametrize("blind_one", [0, 1], ids=["the first is blind", "the last is blind"])
def test_a_collector_is_capable_where_it_is_for_every_member(blind_one: int) -> None:
    members = [subject(0, 5), subject(1, 5)]
    members[blind_one] = replace(members[blind_one], capable={"statm": True, "smaps_rollup": False})
    text = rendered(quiet(), one(*members))

    assert value(text, "brimwatch_collector_capable", target="web", collector="statm") == 1
    assert value(text, "brimwatch_collector_capable", target="web", collector="smaps_rollup") == 0


def test_host_figures_are_absent_where_unknown() -> None:
    known = replace(one(), host=HostView(1000, 400, {"some": 0.5}))

    assert value(rendered(quiet(), known), "brimwatch_host_memory_used_ratio") == 0.6
    assert value(rendered(quiet(), known), "brimwatch_host_memory_pressure_ratio", kind="some") == 0.5
    assert value(rendered(quiet(), one()), "brimwatch_host_memory_used_ratio") is None


def test_counters_that_alerts_watch_are_0_from_the_first_scrape_and_stay_when_declared_again() -> None:
    metrics = quiet()
    metrics.declare("web", RUNGS)
    first = rendered(metrics, one())
    metrics.attempted("web", Tier.CRITICAL, "usr1")
    metrics.declare("web", RUNGS)
    then = rendered(metrics, one())

    rung = {"target": "web", "tier": "critical", "action": "usr1"}
    assert value(first, "brimwatch_actions_total", **rung) == 0
    assert value(first, "brimwatch_action_reclaimed_bytes_total", **rung) == 0
    assert value(first, "brimwatch_target_oom_kills_total", target="web", evidence="inferred") == 0
    assert (
        value(first, "brimwatch_target_tier_transitions_total", target="web", **{"from": "calm", "to": "emergency"})
        == 0
    )
    assert value(then, "brimwatch_actions_total", **rung) == 1


def test_what_was_won_is_added_and_what_was_lost_is_not() -> None:
    metrics = quiet()
    for amount in (5 * MB, -9 * MB, 0, 1 * MB):
        metrics.reclaimed("web", Tier.WARNING, "trim", Bytes(amount))

    rung = {"target": "web", "tier": "warning", "action": "trim"}
    assert value(rendered(metrics, one()), "brimwatch_action_reclaimed_bytes_total", **rung) == 6 * MB


def test_a_forgotten_target_takes_all_its_series_and_no_others() -> None:
    metrics = a_day(quiet())
    metrics.declare("web", RUNGS)
    metrics.forget("checkout")
    found = {dict(labels).get("target") for _, labels in series(rendered(metrics, one()))}

    assert found == {"web", "search", "host", "batch", None}


def test_a_refused_configuration_keeps_the_time_of_the_last_good_one() -> None:
    metrics = quiet()
    metrics.reload_result(True, WALL)
    metrics.reload_result(False, WALL + 9)
    text = rendered(metrics, one())

    assert value(text, "brimwatch_config_last_reload_successful") == 0
    assert value(text, "brimwatch_config_last_reload_success_timestamp_seconds") == WALL


def test_hostile_names_become_labels_that_parse_and_stay_apart() -> None:
    names = ['a"b\\c\nd', "\udc80", "\udc81", "x" * 300, "x" * 299 + "y", "nul\0", "{}", "%s"]
    metrics = quiet()
    for name in names:
        metrics.declare(name, (("warning", "act\n"),))
    targets = tuple(TargetView(name, "p", "general", False, 1, (subject(None, 5),)) for name in names)
    snapshot = Snapshot(WALL, NOW, targets)

    assert len(
        {labels for name, labels in series(rendered(metrics, snapshot)) if name == "brimwatch_target_up"}
    ) == len(names)
    assert list(read_openmetrics(rendered(metrics, snapshot, OPENMETRICS)))


def test_a_name_that_is_there_twice_is_written_once() -> None:
    twice = replace(one(), targets=one().targets * 2)

    assert value(rendered(quiet(), twice), "brimwatch_target_up", target="web") == 0


def test_the_daemon_tells_of_itself() -> None:
    text = rendered(Metrics(), one())

    assert value(text, "process_resident_memory_bytes")
    assert value(text, "process_start_time_seconds")


def test_no_created_series_is_written() -> None:
    assert "_created" not in rendered(a_day(quiet()), told())
