"""A pod by runc: containers that share one PID namespace, whose first process is a pause, and the network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.deploy.container.runc import Box, bind, configuration, tmpfs, write_bundle
from tests.live.daemon_run import Daemon
from tests.live.hooked import Hooked

from deploy.container import assemble

REPOSITORY = Path(__file__).parent.parent.parent.parent
PYTHON = os.path.realpath(sys.executable)
SITE, DAEMON, TARGETS = "/opt/site", "/opt/daemon", "/opt/targets"
# What /pause of a pod does: wait, and reap orphans.
PAUSE = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""


def make_root(folder: Path) -> Path:
    """A root with this Python, its libraries and nothing else: no shell, no program but the interpreter and py-spy."""
    root = folder / "root"
    unused = set(assemble.UNUSED.split()) - {"__pycache__"}  # byte code is at hand here, and cannot be written later
    assemble.copy_libraries(assemble.assemble(root, unused), root)
    assemble.add_user(root)
    beside = root / PYTHON[1:]
    shutil.copy2(Path(sys.executable).with_name("py-spy"), beside.with_name("py-spy"))
    for point in (SITE, DAEMON, TARGETS, "/config", "/storage", "/dev/shm", "/sys/fs/cgroup"):
        (root / point[1:]).mkdir(parents=True, exist_ok=True)
    (root / "storage").chmod(0o777)  # runc gives a volume in memory the mode of its mount point
    return root


class Pod:
    """Containers that see each other's processes. `end` ends them all."""

    def __init__(self, root: Path, folder: Path, spawn: Callable[..., Any], runc: str) -> None:
        self._root, self._folder, self._spawn = root, folder, spawn
        self._runc = [runc, "--root", os.fspath(folder / "state")]
        self._names: list[str] = []
        self._mark = f"brimwatch-test-{uuid.uuid4().hex[:8]}"
        self._shared: str | None = None
        pause = self.run("pause", Box([PYTHON, "-c", PAUSE], uid=65535, gid=65535))
        assert pause.stdout.readline() == b"ready\n", "the pause does not start"
        self._shared = f"/proc/{self.pid('pause')}/ns/pid"

    def run(self, name: str, box: Box, own_pids: bool = False, **options: Any) -> Any:
        """Start a container of this Python; `own_pids`: in a PID namespace of its own."""
        mounts = (
            bind(Path(sysconfig.get_path("purelib")), SITE),
            bind(REPOSITORY / "daemon", DAEMON),
            bind(REPOSITORY / "tests" / "targets", TARGETS),
            *box.mounts,
        )
        environ = {"PYTHONPATH": f"{DAEMON}:{SITE}", **box.environ}
        return self.start(name, replace(box, mounts=mounts, environ=environ), self._root, own_pids, **options)

    def start(self, name: str, box: Box, root: Path, own_pids: bool = False, **options: Any) -> Any:
        """Start a container of any root. Its standard input and output are pipes if not told otherwise."""
        full, bundle = f"{self._mark}-{name}", self._folder / name
        write_bundle(bundle, configuration(box, root, full, None if own_pids else self._shared))
        self._names.append(full)
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options}
        return self._spawn([*self._runc, "run", "--bundle", os.fspath(bundle), full], **options)

    def pid(self, name: str) -> int:
        """The PID on the host of a container's first process."""
        said = subprocess.run([*self._runc, "state", f"{self._mark}-{name}"], capture_output=True, check=True)
        return int(json.loads(said.stdout)["pid"])

    def execute(self, name: str, words: Sequence[str]) -> int:
        """Run a command in a container that runs; its exit code."""
        return subprocess.run([*self._runc, "exec", f"{self._mark}-{name}", *words], capture_output=True).returncode

    def hooked(self, box: Box, name: str = "app", own_pids: bool = False) -> Hooked:
        """An application: tests/targets/hooked.py. It listens when this returns."""
        words = [PYTHON, "-u", f"{TARGETS}/hooked.py", *box.arguments]
        program = Hooked(self.run(name, replace(box, arguments=words), own_pids))
        assert program.line() == "ready"
        return program

    def sidecar(self, box: Box, volume: Path, port: int, wait_until: Callable[..., Any], name: str = "sidecar") -> Any:
        """Brimwatch beside it, with the configuration of a volume; ready when this returns."""
        words = [PYTHON, "-m", "brimwatch", "run", "--config.file", "/config/brimwatch.yaml", *box.arguments]
        words += ["--web.listen-address", f"127.0.0.1:{port}", "--log.format", "json", "--log.level", "debug"]
        words += ["--web.enable-lifecycle"]
        # An emptyDir is open to all: what is kept is in a folder of ours below it.
        mounts = (bind(volume, "/config"), tmpfs("/storage"), *box.mounts)
        environ = {"STATE_DIRECTORY": "/storage/state", **box.environ}
        log_file = self._folder / f"{name}.log"
        with log_file.open("wb") as log:
            full = replace(box, arguments=words, mounts=mounts, environ=environ)
            process = self.run(name, full, stdout=subprocess.DEVNULL, stderr=log)
        daemon = Daemon(process, f"http://127.0.0.1:{port}", log_file)
        wait_until(daemon.ready, 30.0)
        return daemon

    def end(self) -> None:
        """End all containers, the first one last: with it goes whatever lives in its PID namespace."""
        for name in reversed(self._names):
            subprocess.run([*self._runc, "delete", "--force", name], capture_output=True)


@contextmanager
def made_pod(root: Path, folder: Path, spawn: Callable[..., Any], runc: str) -> Iterator[Pod]:
    made: list[Pod] = []
    try:
        made.append(Pod(root, folder, spawn, runc))
        yield made[0]
    finally:
        for pod in made:
            pod.end()


def write_volume(folder: Path, text: str) -> Path:
    """The file as a ConfigMap's volume shows it: by a link that is swapped for another one at once."""
    volume = folder / "volume"
    volume.mkdir(exist_ok=True)
    version = volume / f"..{uuid.uuid4().hex}"
    version.mkdir()
    (version / "brimwatch.yaml").write_text(text)
    new = volume / "..data_tmp"
    new.symlink_to(version.name)
    new.rename(volume / "..data")
    if not (volume / "brimwatch.yaml").is_symlink():
        (volume / "brimwatch.yaml").symlink_to("..data/brimwatch.yaml")
    return volume
