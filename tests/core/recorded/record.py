"""How do the resident sets of real programs move? `python tests/core/recorded/record.py [NAME ...]` writes NAME.csv.

Each program is this very file in a process of its own, which takes and gives back real memory for `SECONDS`; its
`/proc/PID/statm` is read 20 times a second. All of it happens at `PACE` times the speed of the services that it stands
for, as a test must not wait for ten minutes: whoever replays a trace multiplies the times by that.
"""

import gc
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
SECONDS, RATE, PACE = 24.0, 20, 20.0
AT_ONCE = 4
PAGE = os.sysconf("SC_PAGE_SIZE")
BLOCK = 256_000  # bytes: a mapping of its own each, so that what is given back leaves the process
MB = 1_000_000


class Pile:
    """Memory that is really there, given back from its newest end."""

    def __init__(self) -> None:
        self.blocks: list[bytearray] = []

    def hold(self, megabytes: float) -> None:
        """Hold so much from now on."""
        count = max(0, int(megabytes * MB / BLOCK))
        del self.blocks[count:]
        while len(self.blocks) < count:
            self.blocks.append(bytearray(b"x") * BLOCK)


def leak_steady(pile: Pile, at: float, chance: random.Random) -> None:
    """Loses 5 MB/s, always the same."""
    pile.hold(20 + 5 * at)


def leak_in_requests(pile: Pile, at: float, chance: random.Random) -> None:
    """Loses something in one of five turns, between nothing and 2 MB: some 4 MB/s."""
    if chance.random() < 0.2:
        pile.hold(len(pile.blocks) * BLOCK / MB + 0.1 + chance.random() * 2)


def leak_below_a_workload(pile: Pile, at: float, chance: random.Random) -> None:
    """Loses 3 MB/s, while requests take and give back up to 15 MB."""
    pile.hold(20 + 3 * at + 15 * chance.random())


def leak_that_quickens(pile: Pile, at: float, chance: random.Random) -> None:
    """Loses ever more: 1 MB/s at first, 9 MB/s at the end."""
    pile.hold(20 + at + at * at / 6)


def leak_after_a_calm_half(pile: Pile, at: float, chance: random.Random) -> None:
    """Loses nothing for half the time, then 8 MB/s: a deployment, or a new kind of request."""
    pile.hold(40 + 8 * max(0.0, at - SECONDS / 2) + chance.random())


def leak_below_a_sawtooth(pile: Pile, at: float, chance: random.Random) -> None:
    """A cache that fills and drops each 1.5 s, above a loss of 3 MB/s."""
    pile.hold(20 + 3 * at + 20 * (at % 1.5) / 1.5)


def sawtooth(pile: Pile, at: float, chance: random.Random) -> None:
    """A cache that fills up to 60 MB and is dropped, each 2.5 s."""
    pile.hold(30 + 60 * (at % 2.5) / 2.5)


def sawtooth_of_minutes(pile: Pile, at: float, chance: random.Random) -> None:
    """The same each 7 s, which is half of the long window at this pace."""
    pile.hold(30 + 60 * (at % 7) / 7)


def sawtooth_uneven(pile: Pile, at: float, chance: random.Random) -> None:
    """A cache that fills at a random pace and is dropped at 60 to 80 MB."""
    held = len(pile.blocks) * BLOCK / MB
    pile.hold(20 if held > 60 + 20 * chance.random() else held + 3 * chance.random())


def garbage(pile: Pile, at: float, chance: random.Random) -> None:
    """Cycles that Python's own collector finds when it comes to it."""
    for _ in range(12):
        cycle: list[object] = [bytearray(b"x") * 100_000]
        cycle.append(cycle)


def steps(pile: Pile, at: float, chance: random.Random) -> None:
    """Four data sets are loaded, one each 5 s, and stay."""
    pile.hold(20 + 30 * min(4, int(at / 5)) + chance.random())


def batch(pile: Pile, at: float, chance: random.Random) -> None:
    """Jobs of 4 s: 1.5 s to take their memory, 1 s of work, then everything is given back; each of another size."""
    size = 40 + 10 * ((int(at / 4) * 7) % 5)
    pile.hold(20 + (size * min(1.0, at % 4 / 1.5) if at % 4 < 2.5 else 0))


def warm_up(pile: Pile, at: float, chance: random.Random) -> None:
    """Fills its caches ever more slowly, and is full."""
    pile.hold(20 + 100 * (1 - math.exp(-at / 3)) + chance.random())


def warm_up_in_two(pile: Pile, at: float, chance: random.Random) -> None:
    """Takes 60 MB at once in 2 s, rests, and takes 40 MB more in 3 s when the first traffic comes."""
    pile.hold(20 + 30 * min(2.0, at) + 40 / 3 * min(3.0, max(0.0, at - 8)) + chance.random())


def at_rest(pile: Pile, at: float, chance: random.Random) -> None:
    """Holds 80 MB; requests take up to 6 MB of it and give them back."""
    pile.hold(80 + 6 * chance.random())


SHAPES: dict[str, Callable[[Pile, float, random.Random], None]] = {
    one.__name__: one
    for one in (
        leak_steady, leak_in_requests, leak_below_a_workload, leak_that_quickens, leak_after_a_calm_half,
        leak_below_a_sawtooth, sawtooth, sawtooth_of_minutes, sawtooth_uneven, garbage, steps, batch, warm_up,
        warm_up_in_two, at_rest,
    )
}  # fmt: skip


def live(name: str) -> None:
    """Be that program."""
    pile, chance, shape = Pile(), random.Random(name), SHAPES[name]
    gc.set_threshold(700, 10, 3)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    while True:
        shape(pile, time.monotonic() - started, chance)
        time.sleep(0.03)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def record(names: list[str]) -> None:
    """Start them, look at all of them, and write what was seen. A few at a time: they must not slow each other down."""
    environ = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    running = {
        name: subprocess.Popen([sys.executable, __file__, "--live", name], env=environ, stdin=-1, stdout=-1)
        for name in names
    }
    rows: dict[str, list[tuple[float, int]]] = {name: [] for name in names}
    for process in running.values():
        assert process.stdout is not None
        process.stdout.readline()
    for process in running.values():
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    started = time.monotonic()
    for look in range(int(SECONDS * RATE)):
        late = time.monotonic() - (started + look / RATE)
        if late > 0.5 / RATE:
            continue  # a look that comes late would be at the same time as the next
        time.sleep(max(0.0, -late))
        for name, process in running.items():
            rows[name].append((time.monotonic() - started, resident(process.pid)))
    for name, process in running.items():
        process.kill()
        process.wait()
        write(name, rows[name])


def write(name: str, rows: list[tuple[float, int]]) -> None:
    """One file: how it came about, then a line for each look."""
    told = (SHAPES[name].__doc__ or "").strip()
    head = [
        f"# {told}",
        f"# RSS of a Python process on Linux, {RATE} looks a second. pace: {PACE:g}",
        "seconds,rss_bytes",
    ]
    lines = [f"{at:.3f},{held}" for at, held in rows]
    (HERE / f"{name}.csv").write_text("\n".join([*head, *lines]) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--live"]:
        live(sys.argv[2])
    else:
        wanted = sys.argv[1:] or list(SHAPES)
        for first in range(0, len(wanted), AT_ONCE):
            record(wanted[first : first + AT_ONCE])
