"""How does one target do? Its tier, its size against its limit, and what was won back, from near."""

from __future__ import annotations

from typing import Any

from grafana.parts import target_inside, target_memory
from grafana.parts.frame import (
    FLEET_UID,
    SERIES_PAGE,
    TARGET_UID,
    Board,
    common_variables,
    one,
    several,
    to_dashboard,
    to_page,
    window,
)
from grafana.parts.looks import link, no_end, tier_words
from grafana.parts.panels import number, tiers
from grafana.parts.queries import MEMBER, RANGE, TARGET, Query, increase
from grafana_foundation_sdk.models import dashboard as models

WHO = "{{target}} {{member}}"


def dashboard() -> models.Dashboard:
    """The whole of it, from the state of now at the top to what is seen inside at the bottom."""
    board = Board(
        "Brimwatch / Target",
        TARGET_UID,
        "One target: its tier, its size, its growth, and what gave memory back.",
        TARGET,
    )
    known = 'label_values(brimwatch_target_up{job=~"$job", instance=~"$instance"}, target)'
    members = f"label_values(brimwatch_target_tier{{{TARGET}}}, member)"
    board.variables(
        *common_variables(),
        one("target", "Target", known),
        several("member", "Member", members, every=".*"),
        window("window", "Floor over", ["1m", "5m", "10m", "30m", "1h", "6h"], "10m"),
    )
    board.links(
        to_dashboard("Fleet", FLEET_UID, "all targets"),
        to_page("Runbook", "runbook.md"),
        to_page("Metrics", "metrics.md"),
    )
    board.line(
        4,
        (3, tier()),
        (3, left()),
        (3, headroom()),
        (3, full()),
        (3, reduction()),
        (3, won_back()),
        (3, kills()),
        (3, page()),
    )
    board.line(11, (24, target_memory.hero()))
    board.line(4, (24, timeline()))
    target_memory.lines(board)
    target_inside.lines(board)
    return board.build()


def tier() -> Any:
    words = "The worst tier of its members now."
    worst = f"max(brimwatch_target_tier{{{MEMBER}}})"
    return number("Tier", words, "none", Query(worst, "tier", instant=True), mappings=tier_words())


def left() -> Any:
    words = (
        "Until the limit is reached, if it goes on growing as it does now. A forecast; empty while that is not known."
    )
    least = f"min(brimwatch_target_time_to_limit_seconds{{{MEMBER}}})"
    return number(
        "Time to limit", words, "s", Query(least, "left", instant=True),
        mappings=no_end(), nothing="not known yet",
        colours=((None, "red"), (60.0, "orange"), (600.0, "yellow"), (3600.0, "green")),
    )  # fmt: skip


def headroom() -> Any:
    words = "Smallest difference of limit and working set on the way up the cgroups; without a limit the machine's."
    least = f"min(brimwatch_target_headroom_bytes{{{MEMBER}}})"
    return number("Headroom", words, "decbytes", Query(least, "headroom", instant=True))


def full() -> Any:
    words = "Share of the effective limit that is in use: what the kernel counts against it, by whomever."
    limit = f"max without (source) (brimwatch_target_memory_limit_bytes{{{MEMBER}}})"
    share = f"max(1 - brimwatch_target_headroom_bytes{{{MEMBER}}} / {limit})"
    return number(
        "Of its limit", words, "percentunit", Query(share, "used", instant=True), decimals=1,
        colours=((None, "green"), (0.7, "yellow"), (0.85, "orange"), (0.95, "red")),
    )  # fmt: skip


def reduction() -> Any:
    words = "Reduction achieved: 1 - resident set now / its highest since the process started. Of several the mean."
    mean = f"avg(brimwatch_target_reduction_ratio{{{MEMBER}}})"
    return number("Below its peak", words, "percentunit", Query(mean, "reduction", instant=True), decimals=1)


def won_back() -> Any:
    words = "Bytes that actions on this target won back in the time shown, measured from outside."
    counted = f"sum({increase('brimwatch_action_reclaimed_bytes_total', TARGET, RANGE)})"
    return number("Won back", words, "decbytes", Query(counted, "won back", instant=True))


def kills() -> Any:
    words = "Members that the kernel killed for lack of memory in the time shown."
    counted = f"sum({increase('brimwatch_target_oom_kills_total', TARGET, RANGE)})"
    return number(
        "OOM kills", words, "short", Query(counted, "kills", instant=True),
        colours=((None, "green"), (0.5, "red")), decimals=0,
    )  # fmt: skip


def page() -> Any:
    words = "Processes that it matches now, and who watches it. A click opens that daemon's own page, with every event."
    counted = f"sum by (instance) (brimwatch_target_processes{{{TARGET}}})"
    return number(
        "Processes", words, "short", Query(counted, "{{instance}}", instant=True),
        colours=((None, "red"), (1.0, "text")), named=True,
        overrides={"/.*/": [link("The daemon's own page", SERIES_PAGE)]},
    )  # fmt: skip


def timeline() -> Any:
    return tiers(
        "Tiers over time", "When which tier held, for each member.", Query(f"brimwatch_target_tier{{{MEMBER}}}", WHO)
    )
