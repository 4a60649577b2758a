"""What is sent of a snapshot each second to whoever follows? The figures that change, and nothing that is long."""

from __future__ import annotations

import math
from collections.abc import Iterator

from brimwatch.model import Tier
from brimwatch.quantity import Quantity
from brimwatch.record.families import memory_used
from brimwatch.record.shapes import Shape, plain
from brimwatch.record.snapshot import Snapshot, SubjectView
from brimwatch.record.text import label, timestamp
from brimwatch.record.wording import ENDINGS

_SHOWN = (Quantity.RSS, Quantity.SWAP, Quantity.WORKING_SET, Quantity.GROWTH, Quantity.TIME_TO_LIMIT)


def brief(snapshot: Snapshot) -> tuple[Shape, Iterator[Shape]]:
    """What stands above, and one piece for each subject, made as it is asked for."""
    tiers: dict[str, int] = {tier.label: 0 for tier in Tier}
    for target in snapshot.targets:
        tiers[target.tier.label] += 1
    above: Shape = {"time": timestamp(snapshot.wall), "dry_run": snapshot.dry_run, "tiers": tiers}
    used = memory_used(snapshot.host)
    if used is not None:
        above["memory_used_ratio"] = round(used, 6)
    return above, (_subject(label(target.name), subject) for target in snapshot.targets for subject in target.subjects)


def _subject(target: str, subject: SubjectView) -> Shape:
    shape: Shape = {"target": target}
    if subject.slot is not None:
        shape["member"] = subject.slot
    shape["tier"] = subject.tier.label
    sample = subject.sample
    if sample is None:
        return shape
    for quantity in _SHOWN:
        value = sample.value(quantity)
        if value is not None and math.isfinite(value):
            shape[quantity.value + ENDINGS[quantity.kind]] = plain(value)
    if sample.limit is not None:
        shape["limit_bytes"] = sample.limit.bytes
    if sample.headroom is not None:
        shape["headroom_bytes"] = sample.headroom
    return shape
