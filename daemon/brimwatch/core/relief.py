"""Does memory come back faster than the ladder rests? Above the highest tier there is nobody else to ask.

Who fills again within the cooldown would be left to the kernel: a cache of 400 MB that was dropped at 200 MB/s is full
after two seconds, and the cooldown of most policies is a minute (measured: 0 of 5 runs lived).
"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.core.settle import held_bytes
from brimwatch.model import Policy, Sample, Tier


class Relief(NamedTuple):
    """When a tier was left, in monotonic seconds, and how many bytes were held then."""

    at: float
    held: int


def highest_of(policy: Policy) -> Tier:
    """The tier above which the policy has none."""
    return max((rule.tier for rule in policy.tiers), default=Tier.CALM)


def relieved(sample: Sample) -> Relief | None:
    """A tier is left now; None where what is held was not measured."""
    held = held_bytes(sample)
    return None if held is None else Relief(sample.at, held)


def is_short(relief: Relief | None, sample: Sample, cooled: float) -> bool:
    """Would its cgroup's limit come before `cooled` (monotonic seconds), at the growth since the tier was left?

    Of the machine's memory a short rise says nothing: it is far away, and others have a part in it.
    """
    held = held_bytes(sample)
    if relief is None or held is None or sample.headroom is None or held <= relief.held:
        return False
    if sample.limit is None or sample.limit.source != "cgroup":
        return False
    left = max(0, sample.headroom) * (sample.at - relief.at) / (held - relief.held)
    return sample.at + left < cooled
