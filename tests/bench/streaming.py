"""What do streams and batches cost? Seconds and peak memory for 1 GB files and 100,000 records, beside their peers."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figure import emit, say
from tests.hooks.conftest import DAEMON

GB = 1_000_000_000
HEAD = f"""
import json, sys, time
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
def peak():
    # Not ru_maxrss: an exec keeps what the parent had.
    return next(int(line.split()[1]) * 1024 for line in open('/proc/self/status') if line.startswith('VmHWM'))
path = sys.argv[1]
"""
TAIL = "\nprint(json.dumps({'seconds': time.perf_counter() - began, 'grown': peak() - before, 'count': count}))"
START = "\nbefore, began = peak(), time.perf_counter()\n"
READS = {
    "bytes": {
        "stream_chunks": "count = sum(map(len, hooks.stream_chunks(path, 'bytes')))",
        "open, read(262144)": "count = sum(map(len, iter(lambda f=open(path, 'rb', 0): f.read(262144), b'')))",
    },
    "lines": {
        "stream_chunks": "count = sum(1 for _ in hooks.stream_chunks(path))",
        "open, for line": "count = sum(1 for _ in open(path, encoding='utf-8'))",
    },
    "json": {
        "stream_chunks": "count = sum(1 for _ in hooks.stream_chunks(path, 'json'))",
        "ijson": "import ijson\ncount = sum(1 for _ in ijson.items(open(path, 'rb'), 'item', use_float=True))",
    },
}
WORK = """
def records():
    for number in range(100_000):
        yield {'number': number, 'values': list(range(number, number + 60)), 'text': str(number) * 10}
kept = []
def work(batch):
    global kept
    kept = [sum(record['values']) for record in batch]
count = 0
"""
BATCHES = {
    "AdaptiveBatcher": """
for batch in hooks.AdaptiveBatcher(size=25)(records()):
    work(batch)
    count += len(batch)""",
    "fixed batches of 50": """
from itertools import islice
items = records()
while batch := list(islice(items, 50)):
    work(batch)
    count += len(batch)""",
}


def run() -> None:
    """Each in a process of its own; the file was just written, so all of them read it from the page cache."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder, "large.json")
        size = write_array(path)
        for kind, ways in READS.items():
            for subject, code in ways.items():
                found = measured(START + code + TAIL, str(path))
                emit("streaming", f"{kind}_seconds", found["seconds"], "s", 1, subject, file_bytes=size)
                emit("streaming", f"{kind}_peak_growth", found["grown"], "bytes", 1, subject, file_bytes=size)
    for subject, code in BATCHES.items():
        found = measured(WORK + START + code + TAIL, "-")
        emit("streaming", "batch_records_per_second", found["count"] / found["seconds"], "1/s", 100_000, subject)
        emit("streaming", "batch_peak_growth", found["grown"], "bytes", 100_000, subject)


def write_array(path: Path) -> int:
    """1 GB of objects, one a line, in one array."""
    element = json.dumps({"id": 123456789, "name": "x" * 20, "values": [0.123456789] * 8, "ok": True, "none": None})
    lines = (element + ",\n") * 1000
    say("writing 1 GB")
    with path.open("w") as file:
        file.write("[")
        for _ in range(GB // len(lines)):
            file.write(lines)
        file.write(element + "]\n")
    return path.stat().st_size


def measured(code: str, path: str) -> dict[str, float]:
    """What a process of its own says."""
    command = [sys.executable, "-c", HEAD + code, path]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found
