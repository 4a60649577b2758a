"""Do files that are larger than memory pass within a few megabytes, as a process of its own sees its peak?"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hooks.conftest import DAEMON

PEAK = """
import sys
from brimwatch import hooks
def peak():  # not ru_maxrss: an exec keeps what the parent had
    return next(int(line.split()[1]) * 1024 for line in open('/proc/self/status') if line.startswith('VmHWM'))
list(hooks.stream_chunks(sys.argv[3], 'lines'))
before = peak()
count = size = 0
for one in hooks.stream_chunks(sys.argv[1], sys.argv[2]):
    count += 1
    size += len(one)
print(count, size, peak() - before)
"""


def whole_gigabyte(path: Path) -> None:
    """A sparse file of 1 GB in 1,000 lines."""
    with path.open("wb") as file:
        for number in range(1, 1001):
            file.seek(number * 1_000_000 - 1)
            file.write(b"\n")


def long_array(path: Path) -> None:
    element = json.dumps({"text": "x" * 900, "numbers": list(range(20))})
    with path.open("w") as file:
        file.write("[")
        file.write(",\n".join([element] * 500))
        for _ in range(99):
            file.write(",\n" + ",\n".join([element] * 500))
        file.write("]")


@pytest.mark.live
@pytest.mark.parametrize(
    ("make", "kind", "count", "size", "most"),
    [
        pytest.param(whole_gigabyte, "bytes", None, 1_000_000_000, 5_000_000, id="1 GB of bytes"),
        pytest.param(whole_gigabyte, "lines", 1000, 999_999_000, 10_000_000, id="1 GB of lines of a megabyte"),
        pytest.param(long_array, "json", 50_000, 100_000, 10_000_000, id="50 MB of objects in one array"),
    ],
)
def test_a_file_larger_than_memory_passes_within_a_few_megabytes(
    tmp_path: Path, make: Callable[[Path], None], kind: str, count: int | None, size: int, most: int
) -> None:
    path, warm = tmp_path / "large", tmp_path / "warm"
    make(path)
    warm.write_bytes(b"1\n")
    command = [sys.executable, "-c", PEAK, str(path), kind, str(warm)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=DAEMON)
    assert answer.returncode == 0, answer.stderr
    found, total, grown = map(int, answer.stdout.split())
    assert (found if count else None, total) == (count, size)
    assert grown < most


@pytest.mark.live
def test_a_line_of_a_gigabyte_is_refused_within_the_bound(tmp_path: Path) -> None:
    path, warm = tmp_path / "large", tmp_path / "warm"
    path.touch()
    os.truncate(path, 1_000_000_000)
    warm.write_bytes(b"1\n")
    code = PEAK.replace("for one in", "try:\n  for one in").replace("\n    ", "\n      ")
    code = code.replace("\nprint(count", "\nexcept hooks.ChunkTooLarge: pass\nprint(count")
    command = [sys.executable, "-c", code, str(path), "lines", str(warm)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=DAEMON)
    assert answer.returncode == 0, answer.stderr
    count, _, grown = map(int, answer.stdout.split())
    assert count == 0
    assert grown < 50_000_000
