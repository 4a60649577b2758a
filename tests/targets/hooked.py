"""A program with hooks: executes the lines that it reads, and says `done` or what they print."""

import contextlib
import io
import sys

from brimwatch import hooks

piles: list[bytearray] = []


@hooks.on("warning", name="piles")
def drop_piles(request: hooks.Request) -> int:
    freed = sum(map(len, piles))
    piles.clear()
    return freed


hooks.register(
    "piles-size", size=lambda: sum(map(len, piles)), hit_ratio=lambda: 0.25, info=lambda: {"piles": len(piles)}
)


def take(megabytes: int) -> None:
    piles.extend(bytearray(b"x" * 1_000_000) for _ in range(megabytes))


if not hooks.install():
    sys.exit(str(hooks.status()["agent"]))
print("ready", flush=True)
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(line)
    print(said.getvalue().strip() or "done", flush=True)
