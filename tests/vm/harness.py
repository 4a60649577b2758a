"""What do jobs inside the machine share? A cgroup with a target in it, a daemon, and checks that say what they saw."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

JOB = Path(__file__).parent
CGROUPS = Path("/sys/fs/cgroup")


def until(found: Callable[[], Any], within: float = 30.0) -> Any:
    """The first true answer; an AssertionError after `within` seconds."""
    end = time.monotonic() + within
    while not (answer := found()):
        assert time.monotonic() < end, f"still {answer!r} after {within:g} s"
        time.sleep(0.01)
    return answer


class Target:
    """A hoarder in a cgroup of its own with a limit; `high` and `usage` are what the kernel says now."""

    def __init__(self, name: str, limit: str = "300M", inside: str = "") -> None:
        """`inside` is the name of a cgroup around its own, which is made for it."""
        for folder in (CGROUPS, *([CGROUPS / inside] if inside else [])):
            folder.mkdir(exist_ok=True)
            (folder / "cgroup.subtree_control").write_text("+memory")
        self.folder = CGROUPS / inside / name
        self.folder.mkdir()
        (self.folder / "memory.max").write_text(limit)
        (self.folder / "memory.swap.max").write_text("0")
        self.process = subprocess.Popen(
            [sys.executable, str(JOB / "targets" / "hoarder.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self.add(self.process.pid)
        self.expect("ready")

    def add(self, pid: int) -> None:
        """Move a process into the cgroup."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def say(self, line: str) -> None:
        """Give an order and wait until it was carried out."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.expect(f"did {line}")

    def expect(self, line: str) -> None:
        """The next line that it prints must be this one."""
        assert self.process.stdout is not None
        found = self.process.stdout.readline().strip()
        assert found == line, f"found {found!r}, wanted {line!r}"

    @property
    def usage(self) -> int:
        """memory.current, bytes."""
        return int((self.folder / "memory.current").read_text())

    @property
    def high(self) -> int | None:
        """memory.high, bytes; None is `max`."""
        text = (self.folder / "memory.high").read_text().strip()
        return None if text == "max" else int(text)

    @property
    def kills(self) -> int:
        """How often the kernel killed in it."""
        lines = (self.folder / "memory.events").read_text().splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])

    def close(self) -> None:
        """End the process and remove the cgroup."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        until(lambda: (self.folder / "cgroup.procs").read_text() == "")
        self.folder.rmdir()
        if self.folder.parent != CGROUPS:
            self.folder.parent.rmdir()


class Daemon:
    """`brimwatch run` on a configuration; events are read from its log."""

    def __init__(self, config: str, *before: str, web: str = "") -> None:
        """`before` are words to put before the command, such as `unshare`; `web` is where its figures are served."""
        self.folder = Path("/run/job")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / "daemon.yaml"
        path.write_text(config)
        path.chmod(0o600)
        self.log = self.folder / f"daemon-{time.monotonic_ns()}.log"
        words = [*before, sys.executable, "-m", "brimwatch", "run", "--config.file", str(path), "--log.format", "json"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*words, "--web.listen-address", web],
                stderr=log, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(JOB / "lib")},
            )  # fmt: skip
        until(lambda: self.events("config_loaded") or self._ended(), 120)

    def _ended(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return False

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name so far."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [event for event in lines if event.get("event") == name]

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the exit."""
        self.process.send_signal(number)
        self.process.wait(30)


class Watcher(threading.Thread):
    """Reads a target's usage and memory.high in turn; keeps the last usage read before each new value of the latter."""

    def __init__(self, target: Target) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._over = threading.Event()
        self.seen: list[tuple[int, int]] = []  # usage before, memory.high
        self.start()

    def run(self) -> None:
        """Until `finish`."""
        last = None
        while not self._over.is_set():
            usage = self._target.usage
            high = self._target.high
            if high is not None and high != last:
                self.seen.append((usage, high))
            last = high
            time.sleep(0.001)

    def finish(self) -> list[tuple[int, int]]:
        """What was seen."""
        self._over.set()
        self.join()
        return self.seen


@contextmanager
def scene(name: str, inside: str = "") -> Iterator[Target]:
    """A target for one check, gone afterwards; says that the check holds, or lets its fault through."""
    started = time.monotonic()
    target = Target(name.replace(" ", "-"), inside=inside)
    yield target
    target.close()
    print(f"ok: {name} ({time.monotonic() - started:.1f} s)", flush=True)
