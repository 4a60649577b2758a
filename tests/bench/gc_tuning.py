"""What does `tune_gc` win? Collections, pauses, latency and memory of a service that makes cycles, with and without it.

Times are CPU times: the machine may have other work. Peer and project do the same requests, in turns, each in a process
of its own: 60,000 long-lived dicts, and requests of 150 short-lived objects that leave twelve cycles of a kilobyte
behind. 700, 10, 10 is what CPython had up to 3.12.
"""

import json
import statistics
import subprocess
import sys

from tests.bench.figure import emit
from tests.hooks.conftest import DAEMON

RUNS = 5
REQUESTS = 15_000
SERVICE = f"""
import gc, json, os, sys, time
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
def resident():
    with open('/proc/self/statm', 'rb', 0) as file:
        return int(file.read().split()[1]) * 4096
class Node:
    def __init__(self, payload): self.me, self.payload = self, payload
held = [{{'key': [number, (number, str(number))]}} for number in range(60_000)]
gc.set_threshold(700, 10, 10)
exec(sys.argv[1])
sessions, seconds, pauses, sizes = {{}}, [], [], [resident()]
def request(number):
    rows = [{{'a': [row], 'b': (row, [])}} for row in range(150)]
    for _ in range(12): Node(bytes(1000))
    sessions[number % 500] = rows[:10]
begun = [one['collections'] for one in gc.get_stats()]
def watch(phase, _):
    pauses.append(-time.process_time() if phase == 'start' else pauses.pop() + time.process_time())
gc.callbacks.append(watch)
for number in range({REQUESTS}):
    before = time.process_time()
    request(number)
    seconds.append(time.process_time() - before)
    if number % 100 == 0: sizes.append(resident())
gc.callbacks.remove(watch)
seconds.sort()
print(json.dumps({{
    'collections': sum(one['collections'] for one in gc.get_stats()) - sum(begun),
    'pauses': sum(pauses), 'longest_pause': max(pauses), 'request_p50': seconds[len(seconds) // 2],
    'request_p99': seconds[int(len(seconds) * .99)], 'growth': max(sizes) - sizes[0],
}}))
"""
SUBJECTS = {
    "700, 10, 10": "",
    "700, 10, 10, frozen": "gc.collect(); gc.freeze()",
    **{f"tune_gc, {level}": f"hooks.tune_gc(level={level!r})" for level in ("aggressive", "standard", "basic")},
    "tune_gc, (20000, 10, 10)": "hooks.tune_gc((20_000, 10, 10))",
}
UNITS = {
    "collections": "1", "pauses": "s", "longest_pause": "s", "request_p50": "s", "request_p99": "s", "growth": "bytes",
}  # fmt: skip


def run() -> None:
    """All figures, the medians of five runs in turns."""
    found: dict[str, list[dict[str, float]]] = {subject: [] for subject in SUBJECTS}
    for _ in range(RUNS):
        for subject, setting in SUBJECTS.items():
            command = [sys.executable, "-I", "-c", SERVICE, setting]
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
            found[subject].append(json.loads(answer.stdout))
    version = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    for figure, unit in UNITS.items():
        for subject, runs in found.items():
            value = statistics.median(one[figure] for one in runs)
            emit("gc_tuning", figure, value, unit, RUNS, f"{subject}, {version}", requests=REQUESTS)
