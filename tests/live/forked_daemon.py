"""The real daemon, begun many times within seconds: everything is imported once, each run is a fork of that.

Each line `SECONDS` on standard input is one run: after that time the daemon is ended by SIGKILL, and `killed` printed.
A line `run` is one that somebody else ends: `running PID` and later `ended CODE` are printed.
"""

import gc
import importlib
import os
import signal
import sys
import time

PRELOADED = (
    "sqlite3", "structlog",
    "brimwatch.cli.main", "brimwatch.cli.run", "brimwatch.record.journal", "brimwatch.runtime.service",
)  # fmt: skip


def begin(arguments: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        from brimwatch.cli.main import main

        code = 70
        try:
            code = main(arguments)
        finally:
            os._exit(code)
    return pid


def main() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    arguments = sys.argv[1:]
    print("ready", flush=True)
    for line in sys.stdin:
        word = line.strip()
        pid = begin(arguments)
        if word == "run":
            print(f"running {pid}", flush=True)
            _, status = os.waitpid(pid, 0)
            print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)
            continue
        time.sleep(float(word))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        print("killed" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}", flush=True)


if __name__ == "__main__":
    main()
