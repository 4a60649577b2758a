"""Is the warden alive? What the daemons say of themselves."""

from __future__ import annotations

from typing import Any

from grafana.parts.frame import INSTANCE_PAGE, Board
from grafana.parts.looks import link, right, yes_or_no
from grafana.parts.panels import graph, number, rows
from grafana.parts.queries import FLEET, RATE, Query, increase, quantile
from grafana_foundation_sdk.models import dashboard as models

WHERE = "{{instance}}"


def lines(board: Board) -> None:
    """The lines at the bottom of the dashboard."""
    board.line(7, (6, reaction()), (6, looks()), (6, age()), (6, durations()))
    board.line(7, (6, memory()), (6, cpu()), (6, descriptors()), (6, queue()))
    board.line(7, (5, missing()), (6, dropped()), (13, versions()))


def health() -> Any:
    def least(metric: str, of: str = "min") -> str:
        return f"{of}({metric}{{{FLEET}}})"

    good = [models.DynamicConfigValue("mappings", yes_or_no("good", "REJECTED"))]
    words = (
        "Daemons that answer Prometheus, of all that it knows; the longest time since a target was looked at; whether "
        "each configuration on disk is in force; messages that wait to be delivered. Red means: nobody watches."
    )
    seconds = [
        models.DynamicConfigValue("unit", "s"),
        models.DynamicConfigValue("thresholds", _colours((None, "green"), (60, "yellow"), (300, "red"))),
    ]
    down = [models.DynamicConfigValue("thresholds", _colours((None, "green"), (1, "red")))]
    waiting = [models.DynamicConfigValue("thresholds", _colours((None, "green"), (1, "yellow"), (100, "red")))]
    return number(
        "The warden", words, "short",
        Query(f"sum(up{{{FLEET}}})", "daemons up", instant=True),
        Query(f"count(up{{{FLEET}}}) - sum(up{{{FLEET}}})", "daemons down", instant=True),
        Query(least("brimwatch_sample_age_seconds", "max"), "oldest look", instant=True),
        Query(least("brimwatch_config_last_reload_successful"), "configuration", instant=True),
        Query(f"sum(1 - brimwatch_target_up{{{FLEET}}})", "targets that match nothing", instant=True),
        Query(f"sum(brimwatch_webhook_queue_length{{{FLEET}}})", "undelivered", instant=True),
        named=True, decimals=0,
        overrides={"configuration": good, "oldest look": seconds, "daemons down": down, "undelivered": waiting},
    )  # fmt: skip


def _colours(*pairs: tuple[float | None, str]) -> dict[str, object]:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


def reaction() -> Any:
    words = (
        "Time from measuring that a threshold was crossed to starting the first rung, half of all and 99 of 100. "
        "Empty while nothing is crossed."
    )
    half, most = (quantile(share, "brimwatch_reaction_seconds", FLEET) for share in (0.5, 0.99))
    return graph("Reaction", words, "s", Query(half, "p50"), Query(most, "p99"))


def looks() -> Any:
    words = "Time that one look at one subject took, and how many looks there are in a second."
    most = quantile(0.99, "brimwatch_sample_duration_seconds", FLEET, "instance")
    counted = f"sum by (instance) (rate(brimwatch_sample_duration_seconds_count{{{FLEET}}}[{RATE}]))"
    return graph(
        "Looks", words, "s", Query(most, "p99 @ {{instance}}"), Query(counted, "looks @ {{instance}}"),
        overrides={"/^looks/": right("cps")},
    )  # fmt: skip


def age() -> Any:
    words = "Longest time since a target was looked at. It stays near the interval; what climbs is a target that hangs."
    oldest = f"max by (instance) (brimwatch_sample_age_seconds{{{FLEET}}})"
    return graph("Oldest look", words, "s", Query(oldest, WHERE))


def durations() -> Any:
    words = "Time from the start of a rung until what it won was measured, 95 of 100. Empty while nothing is run."
    most = quantile(0.95, "brimwatch_action_duration_seconds", FLEET, "action")
    return graph("Rungs take", words, "s", Query(most, "{{action}}"))


def memory() -> Any:
    words = "Resident set of each daemon. It keeps to under 50 MB at 100 targets."
    return graph("Its resident set", words, "decbytes", Query(f"process_resident_memory_bytes{{{FLEET}}}", WHERE))


def cpu() -> Any:
    words = "Share of one core: all of the daemon, and what looking inside targets costs, which has a budget."
    spent = f"rate(process_cpu_seconds_total{{{FLEET}}}[{RATE}])"
    inside = f"rate(brimwatch_introspection_cpu_seconds_total{{{FLEET}}}[{RATE}])"
    return graph(
        "Its CPU", words, "percentunit", Query(spent, "all @ {{instance}}"), Query(inside, "inside @ {{instance}}")
    )


def descriptors() -> Any:
    words = "Open file descriptors of each daemon: a few for each target. What climbs and never falls is a leak."
    return graph("Its descriptors", words, "short", Query(f"process_open_fds{{{FLEET}}}", WHERE))


def queue() -> Any:
    words = "Webhook messages that wait to be delivered. They are tried for an hour; what climbs: the receiver is away."
    return graph("Undelivered messages", words, "short", Query(f"brimwatch_webhook_queue_length{{{FLEET}}}", WHERE))


def missing() -> Any:
    words = "Sources that cannot be read for a target, how many targets each. Conditions on them never hold."
    blind = f"sum by (collector) (1 - brimwatch_collector_capable{{{FLEET}}})"
    columns: dict[str, Any] = {"Blind targets": (Query(blind), [])}
    return rows("Collectors without access", words, columns, {"collector": []}, sort={"Blind targets": True})


def dropped() -> Any:
    words = "Series left out because a target has more members, hooks or labels than are shown."
    counted = f"sum by (instance) ({increase('brimwatch_series_dropped_total', FLEET)})"
    return graph("Series left out", words, "short", Query(counted, WHERE))


def versions() -> Any:
    words = "Each daemon, its version and when its configuration was last accepted. A click opens its own page."
    joined = (
        f"max by (instance, version, python) (brimwatch_build_info{{{FLEET}}} * on (job, instance) group_left "
        f"brimwatch_config_last_reload_success_timestamp_seconds{{{FLEET}}} * 1000)"
    )
    when = [models.DynamicConfigValue("unit", "dateTimeAsIso")]
    labels = {"instance": [link("The daemon's own page", INSTANCE_PAGE)], "version": [], "python": []}
    return rows("Daemons", words, {"Configuration of": (Query(joined), when)}, labels, sort={"instance": False})
