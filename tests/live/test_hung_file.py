"""Does the daemon watch on, and end, where its configuration file hangs? A FIFO in its place does."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import start_daemon

pytestmark = pytest.mark.live

CONFIG = "global: {{interval: 50ms}}\ntargets: [{{name: self, match: {{pid: {pid}}}, policy: observe}}]\n"


def opened(fifo: Path) -> int | None:
    """The other end of the FIFO, once somebody reads it; what is read then never comes."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_a_configuration_file_that_hangs_holds_up_neither_looks_nor_the_end(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, CONFIG.format(pid=os.getpid()))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    fifo.rename(tmp_path / "brimwatch.yaml")
    end = wait_until(lambda: opened(tmp_path / "brimwatch.yaml"), 10)
    try:
        before = daemon.metric("brimwatch_sample_duration_seconds_count") or 0.0
        wait_until(lambda: (daemon.metric("brimwatch_sample_duration_seconds_count") or 0.0) > before + 10, 10)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(15) == 0
    finally:
        os.close(end)
