"""Run the benchmarks named as arguments, or all of them; one JSON line for each figure on standard output."""

import signal
import sys

from tests.bench.figure import say
from tests.bench.machine import MissingProgramError

BENCHES = ("sampling", "self", "introspection", "hooks", "gc_tuning", "caches", "rag")


def main(names: list[str]) -> int:
    """0: every figure was measured; 1: something that they need is not there; 2: no such benchmark."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        say(f"found {', '.join(unknown)}, wanted some of: {', '.join(BENCHES)}")
        return 2
    from tests.bench import caches, daemon, gc_tuning, hooks, introspection, rag, sampling

    order = (sampling.run, daemon.run, introspection.run, hooks.run, gc_tuning.run, caches.run, rag.run)
    runs = dict(zip(BENCHES, order, strict=True))
    # Ended by SIGTERM, what was started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name in names or BENCHES:
            runs[name]()
    except MissingProgramError as missing:
        say(str(missing))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
