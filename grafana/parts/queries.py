"""How is Prometheus asked? Selectors that every query has, and counters whose series begin with their first use."""

from __future__ import annotations

from dataclasses import dataclass

FLEET = 'job=~"$job", instance=~"$instance"'
TARGET = f'{FLEET}, target="$target"'  # for what is counted by target
MEMBER = f'{TARGET}, member=~"$member"'  # for what is measured by member; `.*` matches a target that has none

SUBJECT = "job, instance, target, member"
RATE = "$__rate_interval"
RANGE = "$__range"


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel. `instant` asks for the last value only, as tables do."""

    expr: str
    legend: str = ""
    instant: bool = False


def increase(metric: str, selector: str, window: str = RATE) -> str:
    """Growth of a counter that is there at 0 from the first scrape."""
    return f"increase({metric}{{{selector}}}[{window}])"


def first_too(metric: str, selector: str, window: str = RATE) -> str:
    """Growth of a counter whose series begin with their first use, at 1, which `increase` alone cannot see.

    A series that was not there one window ago has been used once more than its growth says. Nothing is counted twice;
    of several first uses between two scrapes one is counted.
    """
    grown = increase(metric, selector, window)
    before = f"increase({metric}{{{selector}}}[{window}] offset {window})"
    return f"({grown} + ({grown} * 0 + 1 unless {before}) or {grown})"


def transitions(selector: str) -> str:
    """Changes of tier: from calm and back they are there at 0 from the first scrape, others begin with their first."""
    metric = "brimwatch_target_tier_transitions_total"
    between = first_too(metric, f'{selector}, from!="calm", to!="calm"')
    begun, ended = (increase(metric, f'{selector}, {side}="calm"') for side in ("from", "to"))
    return f"{begun} or {ended} or {between}"


def quantile(share: float, histogram: str, selector: str, by: str = "") -> str:
    """A quantile of a histogram over the rate interval."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({histogram}_bucket{{{selector}}}[{RATE}])))"
