"""Run the benchmarks named as arguments, or all of them; one JSON line for each figure on standard output."""

import signal
import sys
from importlib import import_module

from tests.bench.figure import say
from tests.bench.machine import MissingProgramError

# Each name and the module whose `run` it is, in the order in which they run.
BENCHES = {
    "sampling": "sampling",
    "self": "daemon",
    "introspection": "introspection",
    "hooks": "hooks",
    "gc_tuning": "gc_tuning",
    "caches": "caches",
    "forecast": "forecast",
    "streaming": "streaming",
    "reaction": "reaction",
    "overhead": "overhead",
    "survival": "survival",
    "rag": "rag",
}


def main(names: list[str]) -> int:
    """0: every figure was measured; 1: something that they need is not there; 2: no such benchmark."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        say(f"found {', '.join(unknown)}, wanted some of: {', '.join(BENCHES)}")
        return 2
    # Ended by SIGTERM, what was started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name in names or BENCHES:
            import_module(f"tests.bench.{BENCHES[name]}").run()
    except MissingProgramError as missing:
        say(str(missing))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
