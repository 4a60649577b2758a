"""What does a threshold that a program gave mean in bytes? A size as it is, a percentage of the limit."""

from __future__ import annotations

from brimwatch.hooks.registry import check_tier
from brimwatch.hooks.wire import MOST_BYTES, TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def resolve(thresholds: Mapping[str, int | str], limit: tuple[int, str] | None) -> dict[str, int]:
    """Tier to resident bytes; a percentage is left out where no limit is known. Raises ValueError."""
    found: dict[str, int] = {}
    for tier, value in thresholds.items():
        check_tier(tier)
        size = _size(tier, value, limit)
        if size is not None:
            found[tier] = size
    sizes = [found[tier] for tier in TIERS if tier in found]
    if sizes != sorted(sizes):
        raise ValueError(f"hooks.install: found thresholds {found}, wanted a higher tier not below a lower one")
    return found


def _size(tier: str, value: object, limit: tuple[int, str] | None) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_BYTES:
        return value
    if isinstance(value, str) and value.endswith("%") and len(value) <= 8:
        try:
            share = float(value[:-1]) / 100
        except ValueError:
            share = 0.0
        if 0 < share <= 1:
            return None if limit is None else max(1, int(limit[0] * share))
    raise ValueError(
        f"hooks.install: found {tier}={value!r:.80}, wanted bytes as an int, or a percentage such as '70%'"
    )
