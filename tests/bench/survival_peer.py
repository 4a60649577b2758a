"""What does earlyoom do meanwhile? It watches the whole machine, so a full cgroup is none of its business."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.machine import need


class EarlyOom:
    """A running earlyoom that only says what it would do."""

    def __init__(self, output: Path) -> None:
        self._output = output

    def acts(self) -> int:
        """How often it would have signalled a process."""
        text = self._output.read_text(errors="backslashreplace")
        return sum("sending SIG" in line and " to process " in line for line in text.splitlines())


@contextlib.contextmanager
def earlyoom(folder: Path) -> Iterator[EarlyOom]:
    """It runs until the end of the block, in dry run: on a machine with other work on it, it may signal any process."""
    path, output = need("earlyoom", "earlyoom"), folder / "earlyoom"
    with output.open("wb") as file:
        process = subprocess.Popen([path, "--dryrun", "-r", "0"], stdout=file, stderr=file)
        try:
            yield EarlyOom(output)
        finally:
            process.terminate()
            process.wait(10)
