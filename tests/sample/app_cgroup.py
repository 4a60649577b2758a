"""Two processes of one cgroup, /app, and its sampler read by hand."""

from tests.sample.lane import make_all

from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.sample.cgroup import CgroupSampler

ONE, TWO = ProcessId(7, 100), ProcessId(8, 100)
APP = CgroupPaths("/app", None)


def read(sampler: CgroupSampler, now: float, process: ProcessId = ONE, cost: float = 0.0) -> list[str]:
    """Make every read that is due."""
    return make_all(sampler.due(now, process), sampler.accept, now, cost)


def whole(number: int) -> int:
    """What is left of a number in kB, as meminfo has it."""
    return number // 1024 * 1024
