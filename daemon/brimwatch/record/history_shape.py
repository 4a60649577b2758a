"""What does the HTTP API say of the last minutes of a subject? Columns and rows, ready to be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable

from brimwatch.core.history import Row
from brimwatch.record.shapes import Json, Shape, plain

COLUMNS = (
    "time", "rss_bytes", "swap_bytes", "working_set_bytes", "limit_bytes", "headroom_bytes",
    "growth_bytes_per_second", "time_to_limit_seconds",
)  # fmt: skip


def history_shape(member: int | None, rows: Iterable[Row], now: float, wall: float) -> Shape:
    """One subject; `now` (monotonic) and `wall` (Unix seconds) are one moment. What was not measured is null."""
    shape: Shape = {} if member is None else {"member": member}
    shape["columns"] = COLUMNS
    shape["rows"] = [[round(wall - (now - row.at), 3), *(_cell(value) for value in row[1:])] for row in rows]
    return shape


def _cell(value: float | None) -> Json:
    """A time to the limit that is infinite is null as well: JSON has no infinity, and nothing leads there."""
    return None if value is None or not math.isfinite(value) else plain(value)
