"""A process of the cgroup /app, and its slow reads made by hand."""

from tests.sample.lane import make_all

from brimwatch.sample.member import MemberSampler
from brimwatch.sample.slow import SlowRead

EVERY = ["cgroup", "cgroup_path", "fd", "pressure", "smaps_rollup", "status"]


def make(member: MemberSampler, now: float, cost: float = 0.0, everything: bool = False) -> list[str]:
    """Make every read that is due."""
    return sorted(make_all(member.due(now, everything), member.accept, now, cost))


def only(member: MemberSampler, now: float, source: str) -> SlowRead:
    return next(slow for slow in member.due(now, everything=True) if slow.source == source)
