"""Does the API say what a ring of the last minutes holds, in values that JSON has?"""

import json
import math

from brimwatch.core.history import Row
from brimwatch.record.history_shape import COLUMNS, history_shape


def test_times_are_wall_time_and_what_is_not_known_is_null() -> None:
    rows = [Row(10.0, 100, None, 80, 1000, 920, 1.5, math.inf), Row(12.5, None, 0, None, None, -5, None, 2.25)]
    shape = history_shape(3, rows, 20.0, 1_000_020.0)
    assert shape["member"] == 3
    assert shape["rows"] == [
        [1_000_010.0, 100, None, 80, 1000, 920, 1.5, None],
        [1_000_012.5, None, 0, None, None, -5, None, 2.25],
    ]
    assert all(len(row) == len(COLUMNS) for row in shape["rows"])
    json.dumps(shape, allow_nan=False)


def test_a_subject_without_a_number_has_none() -> None:
    assert "member" not in history_shape(None, [], 0.0, 0.0)
