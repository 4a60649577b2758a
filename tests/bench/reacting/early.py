"""When does earlyoom, the peer, decide? It watches the machine alone: the crossing is one of what that has available.

It runs with --dryrun: what it would end is any process of this machine.
"""

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from tests.bench.machine import need

DECIDED = b"sending SIGTERM to process"


class Early:
    """A running earlyoom; `level` is the threshold in bytes of MemAvailable."""

    def __init__(self, process: "subprocess.Popen[bytes]", level: int) -> None:
        self.level = level
        self._process = process

    def decided(self, within: float) -> float | None:
        """CLOCK_MONOTONIC of its first decision, in seconds; None where there is none in time."""
        assert self._process.stdout is not None
        end, text = time.monotonic() + within, b""
        while (left := end - time.monotonic()) > 0:
            if select.select([self._process.stdout], [], [], left)[0]:
                at = time.monotonic()
                text += os.read(self._process.stdout.fileno(), 65536)
                if DECIDED in text:
                    return at
        return None


@contextmanager
def early_oom(below: int) -> Iterator[Early]:
    """earlyoom with a threshold that lies `below` what is available now, in bytes."""
    level = psutil.virtual_memory().available - below
    command = [need("earlyoom", "earlyoom"), "--dryrun", "-r", "0", "-s", "100,100", "-M", f"{level // 1024},1"]
    process = subprocess.Popen(command, stdin=-3, stdout=-1, stderr=-2, bufsize=0)
    try:
        yield Early(process, level)
    finally:
        process.terminate()
        process.wait(10)
