"""The reference service, started for real on loopback, as one of its builds."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tests.conftest import end_all
from tests.targets.rag_service.load import get

ROOT = Path(__file__).parent.parent.parent
BUILDS = ("naive", "rescued", "blocks")
ENVIRONMENT = {"blocks": {"MALLOC_ARENA_MAX": "1"}}  # else glibc maps 64 MB for each thread, most of it never used
PATIENCE = 60.0  # seconds for a start on a busy machine


@dataclass
class Service:
    """A running build of tests/targets/rag_service/."""

    process: "subprocess.Popen[bytes]"
    port: int
    output: Path
    started: float  # seconds from its start until it answered

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str) -> Any:
        return self._answer(path, "GET", None)

    def post(self, path: str, body: object = None) -> Any:
        return self._answer(path, "POST", {} if body is None else body)

    def resident(self) -> int:
        return self._status("VmRSS")

    def sizes(self) -> dict[str, int]:
        """RSS and address space in bytes, and threads, as the kernel counts them."""
        return {
            "rss_bytes": self._status("VmRSS"),
            "vms_bytes": self._status("VmSize"),
            "threads": self._status("Threads"),
        }

    def _status(self, key: str) -> int:
        """Of /proc/PID/status, kB as bytes. Source: proc_pid_status(5)."""
        with open(f"/proc/{self.pid}/status") as file:
            words = next(line for line in file if line.startswith(f"{key}:")).split()
        return int(words[1]) * (1024 if words[-1] == "kB" else 1)

    def _answer(self, path: str, method: str, body: object) -> Any:
        status, answer = get(self.port, path, method, body)
        assert status == 200, f"{method} {path}: {status}, {answer}"
        return answer


@contextmanager
def running(
    build: str, index: Path, folder: Path, port: int, before: tuple[str, ...] = (), **settings: str
) -> Iterator[Service]:
    """Start a build, `before` being words of a command in front of it, and wait until it answers; ended by its PID."""
    known = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "daemon"),
        "RAG_FOLDER": str(index),
        "RAG_PORT": str(port),
        "BRIMWATCH_RUN_DIR": str(folder / "run"),
        **ENVIRONMENT.get(build, {}),
        **settings,
    }
    output = folder / f"{build}-{port}.output"
    began = time.monotonic()
    words = [*before, sys.executable, "-m", f"tests.targets.rag_service.{build}"]
    with output.open("wb") as file:
        process = subprocess.Popen(words, cwd=ROOT, env=known, stdout=file, stderr=subprocess.STDOUT)
    service = Service(process, port, output, 0.0)
    try:
        while not _answers(service):
            if process.poll() is not None or time.monotonic() > began + PATIENCE:
                raise AssertionError(f"{build} does not answer: {output.read_text(errors='backslashreplace')[-2000:]}")
            time.sleep(0.005)
        service.started = time.monotonic() - began
        yield service
    finally:
        # Where a shell was put in front, it goes first: it would start another one.
        family = [] if process.poll() is not None else psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_all(family)


def _answers(service: Service) -> bool:
    try:
        return get(service.port, "/health")[0] == 200
    except OSError:
        return False
