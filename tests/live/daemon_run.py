"""A real daemon and real targets for the live tests: started on loopback, asked over HTTP, ended by their PIDs."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GROWER = Path(__file__).parent.parent / "targets" / "grower.py"
Spawn = Callable[..., "subprocess.Popen[Any]"]


@dataclass
class Grower:
    """A running tests/targets/grower.py."""

    process: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.expect(f"did {line}")

    def expect(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == line


def grower(spawn: Spawn, *arguments: str, **options: Any) -> Grower:
    process = spawn(
        [sys.executable, str(GROWER), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options,
    )  # fmt: skip
    started = Grower(process)
    started.expect("ready")
    return started


@dataclass
class Daemon:
    """A running `brimwatch run`."""

    process: "subprocess.Popen[Any]"
    url: str
    log_file: Path

    def get(self, path: str, accept: str = "*/*") -> str:
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.read().decode())

    def status_of(self, path: str, method: str = "GET") -> int:
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method), timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of the one series with at least these labels, or None."""
        for line in self.get("/metrics").splitlines():
            found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if found is None:
                continue
            has = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[1] or ""))
            if all(has.get(key) == value for key, value in labels.items()):
                return float(found[2])
        return None

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("/api/v1/events?limit=1000")["events"]
        return [event for event in found if name is None or event["event"] == name]

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}: {self.log_file.read_text()}")
        return self.status_of("/-/ready") == 200


def start_daemon(
    spawn: Spawn,
    wait_until: Callable[..., Any],
    port: int,
    folder: Path,
    config: str | None = None,
    arguments: tuple[str, ...] = (),
    **options: Any,
) -> Daemon:
    """Start `brimwatch run` on a port of the loopback interface and wait until it is ready."""
    words = [sys.executable, "-m", "brimwatch", "run", "--web.listen-address", f"127.0.0.1:{port}"]
    words += ["--web.enable-lifecycle", "--log.format", "json", "--log.level", "debug", *arguments]
    if config is not None:
        path = folder / "brimwatch.yaml"
        path.write_text(config)
        path.chmod(0o600)
        words += ["--config.file", str(path)]
    log_file = folder / "daemon.log"
    environ = {**os.environ, "STATE_DIRECTORY": str(folder / "state"), **options.pop("env", {})}
    with log_file.open("wb") as log:
        process = spawn(words, stderr=log, stdout=subprocess.DEVNULL, env=environ, **options)
    daemon = Daemon(process, f"http://127.0.0.1:{port}", log_file)
    wait_until(daemon.ready, 20.0)
    return daemon
