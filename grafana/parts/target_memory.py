"""How large is a target, how does it grow, and who holds it? The panels on its sizes."""

from __future__ import annotations

from typing import Any

from grafana.parts.frame import Board
from grafana.parts.looks import dashed, tier_lines
from grafana.parts.panels import graph
from grafana.parts.queries import MEMBER, Query

BYTES = "rss|pss|uss|anon|working_set"  # signals of thresholds that may be drawn beside the resident set
WINDOW = "$window"
RESIDENT = f"brimwatch_target_resident_memory_bytes{{{MEMBER}}}"
PROPORTIONAL = f"brimwatch_target_proportional_memory_bytes{{{MEMBER}}}"
UNIQUE = f"brimwatch_target_unique_memory_bytes{{{MEMBER}}}"
CGROUP = f'brimwatch_target_memory_limit_bytes{{{MEMBER}, source="cgroup"}}'
MACHINE = f'brimwatch_target_memory_limit_bytes{{{MEMBER}, source="machine"}}'


def lines(board: Board) -> None:
    """The lines below the hero panel."""
    board.row("Leak or sawtooth")
    board.line(8, (12, floor()), (6, growth()), (6, trend()))
    board.row("What holds it")
    board.line(8, (8, breakdown()), (8, kinds()), (8, fit()))
    board.line(8, (8, fragmentation()), (8, allocators()), (8, virtual()))


def hero() -> Any:
    words = (
        "Resident, proportional and working set, with the limit of the cgroup and the lines at which tiers are "
        "entered; actions are marked. For the machine itself, what is used of its memory. The machine's memory as a "
        "limit is not drawn: it would flatten the rest."
    )
    alone = "unless on (job, instance, target, member) brimwatch_target_resident_memory_bytes"
    machine = f"max without (source) ({MACHINE})"
    headroom = f"brimwatch_target_headroom_bytes{{{MEMBER}}}"
    drawn = f'brimwatch_target_threshold{{{MEMBER}, signal=~"{BYTES}"}}'
    return graph(
        "Size, limit and tiers", words, "decbytes",
        Query(RESIDENT, "resident {{member}}"),
        Query(PROPORTIONAL, "proportional {{member}}"),
        Query(f"brimwatch_target_working_set_bytes{{{MEMBER}}}", "working set {{member}}"),
        Query(f"({machine} - {headroom}) {alone}{{{MEMBER}}}", "machine, used"),
        Query(CGROUP, "limit {{member}}"),
        Query(f"{machine} {alone}{{{MEMBER}}}", "machine, all"),
        Query(f"max by (tier, signal) ({drawn})", "{{tier}}: {{signal}}"),
        overrides={**tier_lines(), "/^limit/": dashed("dark-red", 2), "machine, all": dashed("dark-red", 2)},
    )  # fmt: skip


def floor() -> Any:
    words = (
        "The resident set with its lowest and highest value over the window chosen above. A floor that climbs window "
        "after window is a leak: cleanups no longer reach what is held. A flat floor below a jagged line is a sawtooth."
    )
    return graph(
        "Resident set and the floor after cleanups", words, "decbytes",
        Query(RESIDENT, "resident {{member}}"),
        Query(f"min_over_time({RESIDENT}[{WINDOW}])", "floor {{member}}"),
        Query(f"max_over_time({RESIDENT}[{WINDOW}])", "ceiling {{member}}"),
        overrides={"/^floor/": dashed("red", 2), "/^ceiling/": dashed("blue")},
    )  # fmt: skip


def growth() -> Any:
    words = "How fast it grows: by the last looks, and as the slope over the window. Below 0 it shrinks."
    return graph(
        "Growth", words, "Bps",
        Query(f"brimwatch_target_growth_bytes_per_second{{{MEMBER}}}", "last looks {{member}}"),
        Query(f"deriv({RESIDENT}[{WINDOW}])", "over the window {{member}}"),
        lowest=None,
    )  # fmt: skip


def trend() -> Any:
    low = f"min_over_time({RESIDENT}[{WINDOW}])"
    before = f"min_over_time({RESIDENT}[{WINDOW}] offset {WINDOW})"
    words = (
        "How much the floor of this window lies above that of the window before. About 0: nothing leaks, whatever the "
        "line above does. Above 0 again and again: a leak. Empty until two windows have passed."
    )
    return graph("Rise of the floor", words, "decbytes", Query(f"{low} - {before}", "rise {{member}}"), lowest=None)


def breakdown() -> Any:
    words = (
        "Unique: what would come back if it ended. Its part of shared pages; the rest of those, which others account "
        "for; and what is swapped out. All together: resident set and swap. Proportional and unique set are read "
        "less often, so that their edges come later."
    )
    return graph(
        "Breakdown", words, "decbytes",
        Query(UNIQUE, "unique {{member}}"),
        Query(f"clamp_min({PROPORTIONAL} - {UNIQUE}, 0)", "its part of shared {{member}}"),
        Query(f"clamp_min({RESIDENT} - {PROPORTIONAL}, 0)", "rest of shared {{member}}"),
        Query(f"brimwatch_target_swap_bytes{{{MEMBER}}}", "swap {{member}}"),
        stacked=True,
    )  # fmt: skip


def kinds() -> Any:
    anonymous = f"brimwatch_target_anonymous_memory_bytes{{{MEMBER}}}"
    words = "Anonymous pages are the program's own; the others are of files and shared memory."
    return graph(
        "Anonymous and file pages", words, "decbytes",
        Query(anonymous, "anonymous {{member}}"),
        Query(f"{RESIDENT} - {anonymous}", "file and shared {{member}}"),
        stacked=True,
    )  # fmt: skip


def fit() -> Any:
    words = (
        "The highest resident set since the start, the limit that would fit what was observed, and the limit of now."
    )
    return graph(
        "Peak and a limit that fits", words, "decbytes",
        Query(f"brimwatch_target_peak_resident_memory_bytes{{{MEMBER}}}", "peak {{member}}"),
        Query(f"brimwatch_target_recommended_limit_bytes{{{MEMBER}}}", "recommended limit {{member}}"),
        Query(CGROUP, "limit {{member}}"),
        overrides={"/^limit/": dashed("dark-red", 2), "/^recommended/": dashed("green", 2)},
    )  # fmt: skip


def fragmentation() -> Any:
    words = (
        "Share that an allocator holds and does not use; `virtual` is 1 - resident / virtual: address space, which "
        "costs nothing by itself."
    )
    shares = f"brimwatch_target_fragmentation_ratio{{{MEMBER}}}"
    return graph("Fragmentation", words, "percentunit", Query(shares, "{{allocator}} {{member}}"), highest=1)


def allocators() -> Any:
    words = "What the allocators hold, what of it the program uses, and what the action `trim` would give back now."
    return graph(
        "Allocators", words, "decbytes",
        Query(f"brimwatch_target_allocator_held_bytes{{{MEMBER}}}", "{{allocator}} held {{member}}"),
        Query(f"brimwatch_target_allocator_used_bytes{{{MEMBER}}}", "{{allocator}} used {{member}}"),
        Query(f"brimwatch_target_allocator_trimmable_bytes{{{MEMBER}}}", "{{allocator}} trimmable {{member}}"),
    )  # fmt: skip


def virtual() -> Any:
    words = "Address space. Far above the resident set it is usual and harmless, unless something limits it."
    size = f"brimwatch_target_virtual_memory_bytes{{{MEMBER}}}"
    line = f'max by (tier, signal) (brimwatch_target_threshold{{{MEMBER}, signal="vms"}})'
    return graph(
        "Virtual size", words, "decbytes", Query(size, "virtual {{member}}"), Query(line, "{{tier}}: {{signal}}"),
        overrides=tier_lines(),
    )  # fmt: skip
