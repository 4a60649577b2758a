"""A program that grows past a threshold when told to, works meanwhile, and tells when it was asked for memory.

    python target.py LIBRARY RUN_DIR NAME

Orders are lines of JSON on its input, each is answered by one line of JSON. Times are CLOCK_MONOTONIC in nanoseconds.
"""

import ctypes
import json
import signal
import sys
import threading
import time

SIGNALS = {"daemon": signal.SIGUSR1, "second": signal.SIGUSR2, "tenth": signal.SIGRTMIN + 1}
REST = 20_000_000  # bytes above what the interpreter itself has: where it waits

native = ctypes.CDLL(sys.argv[1])
native.begin.argtypes = (ctypes.c_double, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
for function in (native.crossed_at, native.ended_at, native.arrived_at):
    function.restype = ctypes.c_int64
native.fill.argtypes = native.give_back.argtypes = (ctypes.c_int64,)
handled: "dict[str, int]" = {}
state = {"work": "sleep", "rounds": 0}


def note(name: str) -> None:
    handled.setdefault(name, time.monotonic_ns())


def sleep() -> None:
    """(a) A loop that sleeps."""
    time.sleep(0.01)


def bytecode() -> None:
    """(b) A thread that never waits and keeps the interpreter busy."""
    number = 0
    for one in range(100_000):
        number += one & 3


def call() -> None:
    """(c) Long calls into C that keep the interpreter's lock and take no memory: 0.1 s and more each."""
    sum(range(8_000_000))


WORK = {"sleep": sleep, "bytecode": bytecode, "call": call}


def obey(order: "dict[str, object]") -> "dict[str, object]":
    if order["do"] == "fill":
        native.fill(order["size"])
        with open("/proc/self/comm", "w") as name:  # of the first thread, whichever writes
            name.write(sys.argv[3])  # found only now: at rest
    elif order["do"] == "work":
        state["work"] = order["work"]
    elif order["do"] == "begin":
        handled.clear()
        state["work"] = order["work"]
        native.begin(order["rate"], order["level"], order["beyond"], order["machine"])
    elif order["do"] == "end":
        state["work"] = "sleep"
        native.give_back(order["size"])
    return {
        "crossed": native.crossed_at(),
        "ended": native.ended_at(),
        "arrived": {name: native.arrived_at(number) for name, number in SIGNALS.items()},
        "handled": handled,
        "rounds": state["rounds"],
    }


def listen() -> None:
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)
    signal.raise_signal(signal.SIGTERM)


def main() -> None:
    native.prepare()
    for name, number in SIGNALS.items():
        signal.signal(number, lambda _number, _frame, name=name: note(name))
        native.note_signal(int(number))
    if sys.argv[2]:
        from brimwatch import hooks

        hooks.on("warning", name="mark")(lambda request: note("hook"))
        hooks.install(run_dir=sys.argv[2])
    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    while True:
        WORK[state["work"]]()
        state["rounds"] += 1


if __name__ == "__main__":
    main()
