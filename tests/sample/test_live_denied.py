"""What is seen by who may not see everything, or has too few descriptors: on real processes."""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from brimwatch.model import ProcessId
from brimwatch.procfs.fd import size_is_count
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler

pytestmark = pytest.mark.live

MIB = 1 << 20


@contextmanager
def as_nobody():
    """Yields a function that runs another one in a child of uid 65534 and hands back what it returned."""

    def run(function):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                # A process that changed its uid may not even look at itself unless it says so.
                ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
                os.write(writer, json.dumps(function()).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            text = stream.read()
        os.waitpid(pid, 0)
        return json.loads(text)

    yield run


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_neighbour_of_another_uid_sees_some_and_says_what_it_does_not():
    ours = os.getpid()
    identity = ProcessId(ours, read_stat("/proc", ours).start_ticks)

    def observe() -> dict[str, object]:
        member = MemberSampler(identity, "/proc", frozenset(), CgroupCache())
        for slow in member.due(time.monotonic(), everything=True):
            try:
                result = slow.read()
            except OSError as error:
                result = error
            member.accept(slow, result, time.monotonic(), 0.0)
        sample = member.look(time.monotonic())
        return {
            "known": sorted(sample.readings),
            "capable": dict(member.capable),
            "reason": member.reasons["smaps_rollup"],
            "rss": sample.value(Quantity.RSS),
        }

    with as_nobody() as run:
        seen = run(observe)
    assert seen["rss"] >= 16 * MIB
    assert {"rss", "vms", "anon", "threads", "swap", "peak_rss"} <= set(seen["known"])
    assert not {"pss", "uss"} & set(seen["known"])
    assert seen["capable"]["smaps_rollup"] is False
    assert seen["capable"]["status"] is True
    assert seen["capable"]["fd"] is size_is_count("/proc")
    assert seen["reason"] == f"Permission denied: /proc/{ours}/smaps_rollup"


SCARCE = """
import os, resource, sys, time
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
cache = CgroupCache()
me = ProcessId(os.getpid(), read_stat("/proc", os.getpid()).start_ticks)
members = [MemberSampler(me, "/proc", frozenset({Quantity.WORKING_SET}), cache) for _ in range(200)]
for _ in range(2):
    for member in members:
        now = time.monotonic()
        assert member.look(now).value(Quantity.RSS) > 1 << 20
        for slow in member.due(now, everything=True):
            member.accept(slow, slow.read(), now, 0.0)
    time.sleep(0)
assert all(all(member.capable.values()) for member in members), members[-1].reasons
assert len(os.listdir("/proc/self/fd")) <= 22
print("all seen")
"""


def test_with_too_few_descriptors_nothing_is_lost():
    done = subprocess.run([sys.executable, "-c", SCARCE], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("all seen\n", "")
