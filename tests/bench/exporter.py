"""What does process-exporter, the peer, pay for a scrape of the same processes?"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.machine import Scrapes, free_port, need, running, wait_for

DEFAULTS = "process-exporter (defaults: also CPU, I/O, descriptors, threads, smaps)"
LEAN = "process-exporter (-threads=false -gather-smaps=false: also CPU, I/O, descriptors)"
FLAGS = {DEFAULTS: (), LEAN: ("-threads=false", "-gather-smaps=false")}
CONFIG = """process_names:
  - name: "{{.Comm}}"
    exe: [targets]
"""


def procfs_of(folder: Path, pids: Iterable[int]) -> Path:
    """A /proc of links that shows these processes alone: the peer shall not pay for what else runs on this machine."""
    root = Path(tempfile.mkdtemp(prefix="proc-", dir=folder))
    for name in ("stat", "meminfo", "uptime", "self", *map(str, pids)):
        (root / name).symlink_to(f"/proc/{name}")
    return root


@contextmanager
def exporter(folder: Path, subject: str, pids: Iterable[int]) -> Iterator[tuple[str, int]]:
    """Its metrics' URL and its PID, set up to name every target by its comm: as many groups as there are targets."""
    program = need("prometheus-process-exporter", "prometheus-process-exporter")
    config = folder / "process-exporter.yaml"
    config.write_text(CONFIG)
    address = f"127.0.0.1:{free_port()}"
    command = [program, "-config.path", str(config), "-children=false", "-web.listen-address", address]
    with running([*command, "-procfs", str(procfs_of(folder, pids)), *FLAGS[subject]], folder) as process:
        wait_for(f"http://{address}/metrics", process)
        yield f"http://{address}/metrics", process.pid


def scrape(folder: Path, subject: str, pids: Iterable[int]) -> Scrapes:
    """What a scrape costs that finds these processes."""
    with exporter(folder, subject, pids) as (url, pid):
        return Scrapes(url, pid)
