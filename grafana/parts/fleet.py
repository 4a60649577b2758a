"""Who is about to die, and is the warden alive? The dashboard of all targets of all daemons."""

from __future__ import annotations

from typing import Any

from grafana.parts import acted, fleet_daemons
from grafana.parts.frame import FLEET_UID, INSTANCE_PAGE, TARGET_UID, Board, common_variables, to_dashboard, to_page
from grafana.parts.looks import TIERS, link, no_end, tier_colours, tier_words
from grafana.parts.panels import graph, number, rows, tiers
from grafana.parts.queries import FLEET, RANGE, SUBJECT, Query, first_too, increase, transitions
from grafana_foundation_sdk.models import dashboard as models

TO_TARGET = (
    f"/d/{TARGET_UID}?var-datasource=${{datasource}}&var-job=${{__data.fields.job}}"
    "&var-instance=${__data.fields.instance}&var-target=${__data.fields.target}&${__url_time_range}"
)
SERIES_TO_TARGET = TO_TARGET.replace("__data.fields.", "__field.labels.")
NAME = "{{target}} {{member}} @ {{instance}}"

WON_BACK = "Bytes that each action won back, measured from outside. What is run and never shows up here does not work."


def dashboard() -> models.Dashboard:
    """The whole of it, from what matters most at the top to the daemons themselves at the bottom."""
    board = Board(
        "Brimwatch / Fleet",
        FLEET_UID,
        "Every target of every daemon: who reaches its limit first, what was done.",
        FLEET,
    )
    board.variables(*common_variables())
    board.links(
        to_dashboard("Target", TARGET_UID, "one target from near"),
        to_page("Runbook", "runbook.md"),
        to_page("Metrics", "metrics.md"),
    )
    board.line(4, (7, per_tier()), (5, nearest()), (3, kills()), (3, ran()), (3, succeeded()), (3, won_back()))
    board.line(9, (16, by_time_to_limit()), (8, fleet_daemons.health()))
    board.line(8, (24, timeline()))
    board.row("How full")
    board.line(8, (8, usage()), (8, resident()), (8, pressure()))
    board.row("What was done")
    board.line(
        8, (6, acted.outcomes(FLEET)), (6, acted.refused(FLEET)), (6, acted.won_back(FLEET, WON_BACK)), (6, changes())
    )
    board.row("Brimwatch itself")
    fleet_daemons.lines(board)
    return board.build()


def worst(metric: str, of: str = "max") -> str:
    return f"{of} by ({SUBJECT}) ({metric}{{{FLEET}}})"


def per_tier() -> Any:
    tier = worst("brimwatch_target_tier").replace(", member", "")
    queries = [Query(f"sum({tier} == bool {value})", word) for value, (word, _) in TIERS.items()]
    words = "How many targets are in each tier. A target counts once, by its worst member."
    return number("Targets per tier", words, "short", *queries, overrides=tier_colours(), named=True, decimals=0)


def nearest() -> Any:
    left = worst("brimwatch_target_time_to_limit_seconds", "min")
    words = "Who reaches its limit first, and when, if it goes on growing as it does now. It is a forecast."
    return number(
        "Shortest time to limit", words, "s", Query(f"bottomk(1, {left} < Inf)", NAME, instant=True),
        colours=((None, "red"), (60.0, "orange"), (600.0, "yellow"), (3600.0, "green")),
        named=True, nothing="none in sight", overrides={"/.*/": [link("This target", SERIES_TO_TARGET)]},
    )  # fmt: skip


def kills() -> Any:
    counted = f"sum({increase('brimwatch_target_oom_kills_total', FLEET, RANGE)})"
    words = "Members that the kernel killed for lack of memory in the time shown. Each is one too many."
    return number(
        "OOM kills", words, "short", Query(counted, "kills", instant=True),
        colours=((None, "green"), (0.5, "red")), decimals=0,
    )  # fmt: skip


def ran() -> Any:
    counted = f"sum({increase('brimwatch_actions_total', FLEET, RANGE)})"
    words = "Rungs that were run in the time shown, failed ones among them."
    return number("Actions", words, "short", Query(counted, "ran", instant=True), decimals=0)


def succeeded() -> Any:
    every = f"sum({increase('brimwatch_actions_total', FLEET, RANGE)})"
    failed = f"(sum({first_too('brimwatch_action_failures_total', FLEET, RANGE)}) or {every} * 0)"
    words = "Share of the rungs in the time shown that did not fail. One that won nothing back has not failed."
    return number(
        "Success", words, "percentunit", Query(f"1 - {failed} / ({every} > 0)", "succeeded", instant=True),
        colours=((None, "red"), (0.9, "yellow"), (0.99, "green")), nothing="nothing ran", decimals=0,
    )  # fmt: skip


def won_back() -> Any:
    counted = f"sum({increase('brimwatch_action_reclaimed_bytes_total', FLEET, RANGE)})"
    words = "Bytes that actions won back in the time shown, measured from outside."
    return number("Won back", words, "decbytes", Query(counted, "won back", instant=True))


def by_time_to_limit() -> Any:
    tier = worst("brimwatch_target_tier")
    left = f"{worst('brimwatch_target_time_to_limit_seconds', 'min')} or {tier} * 0 + Inf"
    full = f"1 - {worst('brimwatch_target_headroom_bytes')} / {worst('brimwatch_target_memory_limit_bytes')}"
    bytes_, share = models.DynamicConfigValue("unit", "decbytes"), models.DynamicConfigValue("unit", "percentunit")
    seconds, speed = models.DynamicConfigValue("unit", "s"), models.DynamicConfigValue("unit", "Bps")
    coloured_cell = models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})
    columns = {
        "Time to limit": (Query(left), [seconds, models.DynamicConfigValue("mappings", no_end())]),
        "Tier": (Query(tier), [models.DynamicConfigValue("mappings", tier_words()), coloured_cell]),
        "Of its limit": (Query(full), [share, models.DynamicConfigValue("decimals", 1)]),
        "Headroom": (Query(worst("brimwatch_target_headroom_bytes", "min")), [bytes_]),
        "Resident": (Query(worst("brimwatch_target_resident_memory_bytes")), [bytes_]),
        "Growth": (Query(worst("brimwatch_target_growth_bytes_per_second")), [speed]),
    }
    labels = {
        "target": [link("This target", TO_TARGET)],
        "member": [],
        "instance": [link("The daemon's own page", INSTANCE_PAGE)],
        "job": [models.DynamicConfigValue("custom.hidden", True)],
    }
    words = (
        "Every member, the one with the least time left first. A click on a target opens it from near, one on an "
        "instance the daemon's own page, with every event. None in sight: it does not grow, or that is not known yet; "
        "those follow by how full they are."
    )
    return rows(
        "Who reaches the limit first", words, columns, labels, sort={"Time to limit": False, "Of its limit": True}
    )


def timeline() -> Any:
    words = "The tier of each target over time, by its worst member."
    worst_member = worst("brimwatch_target_tier").replace(", member", "")
    return tiers("Tiers", words, Query(worst_member, "{{target}} @ {{instance}}"))


def usage() -> Any:
    full = f"1 - {worst('brimwatch_target_headroom_bytes')} / {worst('brimwatch_target_memory_limit_bytes')}"
    words = "The ten members that use most of their effective limit: of their cgroup, or of the machine without one."
    return graph("Use of the limit, top 10", words, "percentunit", Query(f"topk(10, {full})", NAME), highest=1)


def resident() -> Any:
    summed = f"sum by (job, instance, target) (brimwatch_target_resident_memory_bytes{{{FLEET}}})"
    words = (
        "Memory by service: resident set of the ten largest targets, the sum over their members. Pages that members "
        "share count again for each."
    )
    return graph("Resident set, top 10", words, "decbytes", Query(f"topk(10, {summed})", "{{target}} @ {{instance}}"))


def pressure() -> Any:
    some = f'topk(10, brimwatch_target_memory_pressure_ratio{{{FLEET}, kind="some"}})'
    words = (
        "Share of time in which some task waited for memory: the ten highest of the targets' cgroups, and each whole "
        "machine; and how much of each machine's memory is used. Above a few per cent work is slowed down."
    )
    return graph(
        "Pressure", words, "percentunit", Query(some, NAME),
        Query(f"brimwatch_host_memory_pressure_ratio{{{FLEET}}}", "machine {{kind}} @ {{instance}}"),
        Query(f"brimwatch_host_memory_used_ratio{{{FLEET}}}", "machine used @ {{instance}}"),
    )  # fmt: skip


def changes() -> Any:
    counted = f"sum by (to) ({transitions(FLEET)})"
    words = "Changes of tier, by the tier that was entered. Many in a short time: thresholds too near to each other."
    return graph("Tiers entered", words, "short", Query(counted, "{{to}}"), bars=True, overrides=tier_colours())
