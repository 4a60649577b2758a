"""When does a server want to be asked again? Reads the header Retry-After: RFC 9110, 10.2.3."""

from __future__ import annotations

import calendar
import re
import time

from brimwatch.units import Seconds

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_LONGEST = 64


def retry_after(value: str, date: str, wall: float) -> Seconds | None:
    """Seconds to wait, never negative; None where the header is missing or cannot be read.

    `date` is the header Date of the same answer: a moment is counted from there, as the server's clock may differ from
    ours; `wall`, Unix seconds, is taken where that is missing.
    """
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return Seconds(float(text))
    moment = _moment(text)
    if moment is None:
        return None
    now = _moment(date)
    return Seconds(max(0.0, moment - (wall if now is None else now)))


def _moment(text: str) -> float | None:
    """Unix seconds of a date in any of HTTP's three forms, which are always UTC: RFC 9110, 5.6.7."""
    for form in ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"):
        try:
            return float(calendar.timegm(time.strptime(text[:_LONGEST].strip(), form)))
        except ValueError:
            continue
    return None
