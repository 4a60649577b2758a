"""What was done, and what came of it? Panels that both dashboards have, each of its own targets."""

from __future__ import annotations

from typing import Any

from grafana.parts.panels import coloured, graph
from grafana.parts.queries import Query, first_too, increase


def outcomes(selector: str) -> Any:
    every = f"sum({increase('brimwatch_actions_total', selector)})"
    failed = f"(sum({first_too('brimwatch_action_failures_total', selector)}) or {every} * 0)"
    suppressed = f"sum({first_too('brimwatch_actions_suppressed_total', selector)}) or {every} * 0"
    words = "What became of the rungs that were due: run, run and failed, or not run (suppressed)."
    return graph(
        "Actions by outcome", words, "short",
        Query(f"{every} - {failed}", "run"), Query(failed, "failed"), Query(suppressed, "suppressed"),
        bars=True, overrides=coloured(run="green", failed="red", suppressed="yellow"),
    )  # fmt: skip


def refused(selector: str, *, by_action: bool = False) -> Any:
    labels = "action, reason" if by_action else "reason"
    before = ("{{action}}: ", "{{action}} failed: ") if by_action else ("", "failed: ")
    failed = f"sum by ({labels}) ({first_too('brimwatch_action_failures_total', selector)})"
    suppressed = f"sum by ({labels}) ({first_too('brimwatch_actions_suppressed_total', selector)})"
    words = "Why rungs were not run, or failed. Each reason is explained under that word in the documentation."
    return graph(
        "Not run or failed, by reason", words, "short",
        Query(suppressed, before[0] + "{{reason}}"), Query(failed, before[1] + "{{reason}}"), bars=True,
    )  # fmt: skip


def won_back(selector: str, words: str) -> Any:
    counted = f"sum by (action) ({increase('brimwatch_action_reclaimed_bytes_total', selector)})"
    return graph("Won back by action", words, "decbytes", Query(counted, "{{action}}"), bars=True)
