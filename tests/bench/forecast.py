"""How right is the time to the limit, and how often is it a false alarm? On recorded traces, beside a straight line.

No process is started and nothing is timed: the traces were recorded once (`tests/core/recorded`), so that the figures
are the same on every machine.
"""

import math
import statistics
from collections.abc import Callable

from tests.bench.figure import emit
from tests.core.recorded.looking import LEAKS, OTHERS, Forecast, end_of, limit_above, looks, ours, straight_line

SUBJECTS: dict[str, Callable[[], Forecast]] = {
    "brimwatch": ours,
    "least squares over the same points (predict_linear)": straight_line,
}
SOON = (10.0, 30.0, 120.0)  # seconds: `time_to_limit` of standard and of aggressive, and one with time to think
CRESTS = (0.7, 0.9)  # of the limit: where what is no leak has its highest crest
LAST = 5.0  # seconds before the limit that are left out: there every error is a large one


def run() -> None:
    """All figures for both."""
    for subject, forecast in SUBJECTS.items():
        report_errors(subject, forecast)
        for soon in SOON:
            report_warnings(subject, forecast, soon)
            for share in CRESTS:
                report_false_alarms(subject, forecast, soon, share)


def report_errors(subject: str, forecast: Callable[[], Forecast]) -> None:
    """Against the time that it really took, at each look at a leak that has a forecast."""
    errors, every = [], 0
    for name in LEAKS:
        end, limit = end_of(name)
        own = []
        for at, _, left in looks(name, limit, forecast()):
            every += 1
            if left is not None and left < math.inf and end - at > LAST:
                own.append(abs(left / (end - at) - 1))
        emit("forecast", "median_error", statistics.median(own), "of the time", len(own), subject, trace=name)
        errors += own
    emit("forecast", "median_error", statistics.median(errors), "of the time", len(errors), subject, trace="all leaks")
    emit("forecast", "looks_with_a_forecast", len(errors) / every, "of the looks", every, subject, trace="all leaks")


def report_warnings(subject: str, forecast: Callable[[], Forecast], soon: float) -> None:
    """How long before the limit a leak is an alarm for the first time; the least and the median of all leaks."""
    first = []
    for name in LEAKS:
        end, limit = end_of(name)
        alarms = [end - at for at, _, left in looks(name, limit, forecast()) if left is not None and left <= soon]
        first.append(max(alarms, default=0.0))
    missed = sum(one <= 0 for one in first)
    emit("forecast", "first_warning_p50", statistics.median(first), "s", len(first), subject, soon_seconds=soon)
    emit("forecast", "first_warning_least", min(first), "s", len(first), subject, soon_seconds=soon, missed=missed)


def report_false_alarms(subject: str, forecast: Callable[[], Forecast], soon: float, share: float) -> None:
    """Share of the looks, and number of the traces, that are an alarm although no limit is ever met."""
    alarms, every, traces = 0, 0, []
    for name in OTHERS:
        found = [left for _, _, left in looks(name, limit_above(name, share), forecast())]
        wrong = sum(left is not None and left <= soon for left in found)
        alarms, every = alarms + wrong, every + len(found)
        traces += [name] * (wrong > 0)
    details = {"soon_seconds": soon, "crest": share, "traces": len(traces), "of": len(OTHERS)}
    emit("forecast", "false_alarms", alarms / every, "of the looks", every, subject, **details)
