"""What does process-exporter, the peer, pay for a scrape of the same processes?"""

from collections.abc import Iterator
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


@contextmanager
def exporter(folder: Path, subject: str) -> Iterator[tuple[str, int]]:
    """Its metrics' URL and its PID, set up to name every target by its comm: as many groups as there are targets."""
    program = need("prometheus-process-exporter", "prometheus-process-exporter")
    config = folder / "process-exporter.yaml"
    config.write_text(CONFIG)
    address = f"127.0.0.1:{free_port()}"
    command = [program, "-config.path", str(config), "-children=false", "-web.listen-address", address, *FLAGS[subject]]
    with running(command, folder) as process:
        wait_for(f"http://{address}/metrics", process)
        yield f"http://{address}/metrics", process.pid


def scrape(folder: Path, subject: str) -> Scrapes:
    """What a scrape costs while the present targets run."""
    with exporter(folder, subject) as (url, pid):
        return Scrapes(url, pid)
