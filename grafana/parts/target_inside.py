"""What goes on inside a target, and what was done to it? Python, hooks, actions, pressure, sources."""

from __future__ import annotations

from typing import Any

from grafana.parts import acted
from grafana.parts.frame import Board
from grafana.parts.looks import dashed, right, tier_colours, tier_lines
from grafana.parts.panels import graph, rows
from grafana.parts.queries import MEMBER, RANGE, RATE, TARGET, Query, first_too, increase, transitions

WON_BACK = "Bytes that each action won back, measured around it from outside."


def lines(board: Board) -> None:
    """The lines at the bottom of the dashboard."""
    board.row("What was done")
    refused = acted.refused(TARGET, by_action=True)
    board.line(8, (8, acted.won_back(TARGET, WON_BACK)), (8, acted.outcomes(TARGET)), (8, refused))
    board.line(8, (8, claimed()), (8, taken_back()), (8, changes()))
    board.row("Python: objects, threads and types")
    board.line(8, (8, objects()), (8, threads()), (8, collections()))
    board.row("Caches and hooks")
    board.line(8, (8, hit_ratio()), (8, footprint()), (8, told()))
    board.row("Pressure and sources")
    board.line(8, (8, pressure()), (8, descriptors()), (4, sources()), (4, seen()))


def claimed() -> Any:
    hooks = f"sum by (hook) ({increase('brimwatch_hook_claimed_bytes_total', TARGET, RANGE)})"
    measured = f"sum({increase('brimwatch_action_reclaimed_bytes_total', TARGET, RANGE)})"
    words = (
        "What hooks say they have freed, and what was measured, both over a span as long as the time shown. Claims far "
        "above the measurement: the memory is held elsewhere. The first claim of a hook is not in it: its series "
        "begins with it."
    )
    return graph(
        "Claimed and measured", words, "decbytes", Query(hooks, "claimed by {{hook}}"), Query(measured, "measured"),
        overrides={"measured": dashed("green", 2)},
    )  # fmt: skip


def taken_back() -> Any:
    undone = f"sum by (action, reason) ({first_too('brimwatch_actions_undone_total', TARGET)})"
    gave_way = f"sum({first_too('brimwatch_gave_way_total', TARGET)})"
    given = f"sum({increase('brimwatch_gave_way_bytes_total', TARGET)})"
    words = (
        "Brakes and ceilings that were taken back, by what ended them; how often it was asked because the host was "
        "short, and what came back then (in bytes, on the right)."
    )
    on_the_right = {"bytes given to the host": right("decbytes")}
    return graph(
        "Taken back, and given way to the host", words, "short",
        Query(undone, "{{action}} ended: {{reason}}"), Query(gave_way, "asked for the host"),
        Query(given, "bytes given to the host"), bars=True, overrides=on_the_right,
    )  # fmt: skip


def changes() -> Any:
    counted = f"sum by (to) ({transitions(TARGET)})"
    words = "Changes of tier, by the tier that was entered. Many in a short time: thresholds too near to each other."
    return graph("Tiers entered", words, "short", Query(counted, "{{to}}"), bars=True, overrides=tier_colours())


def objects() -> Any:
    words = (
        "Objects that Python's garbage collector tracks, counted where a tier names python_objects, and live blocks of "
        "its allocator. Which types they are is too much for a time series: `brimwatch inspect PID --types 20` says it."
    )
    line = f'max by (tier, signal) (brimwatch_target_threshold{{{MEMBER}, signal=~"python_objects|python_blocks"}})'
    return graph(
        "Objects and blocks", words, "short",
        Query(f"brimwatch_target_python_objects{{{MEMBER}}}", "objects ({{source}}) {{member}}"),
        Query(f"brimwatch_target_python_blocks{{{MEMBER}}}", "blocks {{member}}"),
        Query(line, "{{tier}}: {{signal}}"), overrides=tier_lines(),
    )  # fmt: skip


def threads() -> Any:
    words = "All threads, those that run Python code, and the lines at which tiers are entered."
    line = f'max by (tier, signal) (brimwatch_target_threshold{{{MEMBER}, signal=~"threads|python_threads"}})'
    return graph(
        "Threads", words, "short",
        Query(f"brimwatch_target_threads{{{MEMBER}}}", "threads {{member}}"),
        Query(f"brimwatch_target_python_threads{{{MEMBER}}}", "python {{member}}"),
        Query(line, "{{tier}}: {{signal}}"), overrides=tier_lines(),
    )  # fmt: skip


def collections() -> Any:
    words = "Runs of Python's garbage collector in a second, by generation, as the agent counts them."
    runs = f"sum by (generation) (rate(brimwatch_target_python_gc_collections_total{{{TARGET}}}[{RATE}]))"
    return graph("Garbage collections", words, "cps", Query(runs, "generation {{generation}}"))


def hit_ratio() -> Any:
    words = "Hit ratio of each cache, as the program says. Below 85 % for long: too small, or not worth its memory."
    ratios = f"brimwatch_cache_hit_ratio{{{MEMBER}}}"
    return graph("Cache hit ratio", words, "percentunit", Query(ratios, "{{cache}} {{member}}"), highest=1)


def footprint() -> Any:
    words = "What each hook could give back now, as the program says."
    sizes = f"brimwatch_hook_footprint_bytes{{{MEMBER}}}"
    return graph("What hooks hold", words, "decbytes", Query(sizes, "{{hook}} {{member}}"), stacked=True)


def told() -> Any:
    words = "What else hooks want shown: entries, embedding dimensions, variance retained."
    values = f"max by (hook, key, member) (brimwatch_hook_info_value{{{MEMBER}}})"
    return rows(
        "Figures of hooks", words, {"Figure": (Query(values), [])}, {"hook": [], "key": []}, sort={"hook": False}
    )


def pressure() -> Any:
    words = "Share of time in which some, or all (full), tasks of its cgroup waited for memory."
    waits = f"brimwatch_target_memory_pressure_ratio{{{MEMBER}}}"
    return graph("Pressure", words, "percentunit", Query(waits, "{{kind}} {{member}}"))


def descriptors() -> Any:
    words = "Open file descriptors, and processes that the target matches."
    return graph(
        "Descriptors and processes", words, "short",
        Query(f"brimwatch_target_open_fds{{{MEMBER}}}", "descriptors {{member}}"),
        Query(f"brimwatch_target_processes{{{TARGET}}}", "processes"),
    )  # fmt: skip


def sources() -> Any:
    words = "1 where a source can be read for every member, 0 where not: conditions on it never hold then."
    capable = f"min by (collector) (brimwatch_collector_capable{{{TARGET}}})"
    return rows("Sources", words, {"Readable": (Query(capable), [])}, {"collector": []}, sort={"Readable": False})


def seen() -> Any:
    words = "Time since it was looked at, and the share of the allocator's pools that could be (on the right)."
    return graph(
        "Last look", words, "s",
        Query(f"brimwatch_sample_age_seconds{{{TARGET}}}", "age"),
        Query(f"brimwatch_target_introspection_complete_ratio{{{MEMBER}}}", "complete {{member}}"),
        overrides={"/^complete/": right("percentunit")},
    )  # fmt: skip
