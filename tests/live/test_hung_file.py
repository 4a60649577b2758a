"""Does the daemon watch on, and end, where a file that it reads hangs? A FIFO in its place does."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, start_daemon

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


LIMITED = """
global: {{interval: 50ms}}
targets:
  - {{name: hung, match: {{pid: {pid}}}, policy: observe, limit_file: {folder}/hung}}
  - {{name: told, match: {{pid: {parent}}}, policy: observe, limit_file: {folder}/told}}
"""


def test_a_limit_file_that_hangs_holds_up_no_other(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hung", 0o600)
    (tmp_path / "told").write_text("1000000")
    config = LIMITED.format(pid=os.getpid(), parent=os.getppid(), folder=tmp_path)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    end = wait_until(lambda: opened(tmp_path / "hung"), 10)
    try:

        def able(target: str) -> float | None:
            return daemon.metric("brimwatch_collector_capable", target=target, collector="limit_file")

        wait_until(lambda: able("hung") == 0, 20)
        (tmp_path / "told").write_text("2000000")  # read anew every ten seconds
        wait_until(lambda: limit_of(daemon, "told") == 2_000_000, 20)
        assert able("told") == 1
        assert limit_of(daemon, "hung") is None
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(15) == 0
    finally:
        os.close(end)


def limit_of(daemon: Daemon, target: str) -> float | None:
    return daemon.metric("brimwatch_target_memory_limit_bytes", target=target, source="file")
