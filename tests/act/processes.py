"""What do the tests of actions share? Real processes to act on, and requests for them."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from brimwatch.act.request import Recipient, Request
from brimwatch.model import Action, ProcessId, Tier
from brimwatch.units import Bytes, Seconds

# Answers on standard output: a line for each signal taken, `ready` once the handlers are there. Arguments that are no
# signals are for show: they are what its command line says.
CATCHER = """
import os, signal, sys
def say(text): os.write(1, text.encode() + b"\\n")
for name in sys.argv[1:]:
    if name.startswith("SIG"):
        signal.signal(getattr(signal, name), lambda number, frame: say(signal.Signals(number).name))
say("ready")
for line in sys.stdin:
    command, _, rest = line.strip().partition(" ")
    if command == "exec": os.execv(rest.split()[0], rest.split())
    if command == "reset": signal.signal(getattr(signal, rest), signal.SIG_DFL)
    if command == "ignore": signal.signal(getattr(signal, rest), signal.SIG_IGN)
    if command == "block": signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, rest)])
    say("done " + command)
say("end")
"""


def start_catcher(spawn: Any, *names: str) -> "subprocess.Popen[str]":
    child = spawn(
        [sys.executable, "-c", CATCHER, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert child.stdout.readline() == "ready\n"
    return child


def tell(child: "subprocess.Popen[str]", order: str) -> None:
    """Give a catcher an order and wait until it was carried out."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(order + "\n")
    child.stdin.flush()
    while (line := child.stdout.readline()) != f"done {order.split()[0]}\n":
        assert line, "the catcher ended"


def taken(child: "subprocess.Popen[str]") -> list[str]:
    """End a catcher by closing its input; every signal it took since."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    return [line.strip() for line in child.stdout if line != "end\n"]


def field_after_comm(pid: int, index: int) -> str:
    with open(f"/proc/{pid}/stat") as stream:
        return stream.read().rpartition(")")[2].split()[index]


def identity(pid: int) -> ProcessId:
    return ProcessId(pid, int(field_after_comm(pid, 19)))


def is_alive(pid: int) -> bool:
    try:
        return field_after_comm(pid, 0) not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def held(*pids: int, comm: str = "") -> Any:
    """Recipients for these processes, whose descriptors are closed afterwards."""
    recipients = tuple(Recipient(identity(pid), os.pidfd_open(pid), comm) for pid in pids)
    try:
        yield recipients
    finally:
        for recipient in recipients:
            with suppress(OSError):
                os.close(recipient.pidfd)


def request_for(
    options: object,
    recipients: Sequence[Recipient] = (),
    kind: str = "signal",
    deadline: float = 20.0,
    target: str = "shop",
    needed: int | None = None,
    because: str = "",
    facts: Mapping[str, str] | None = None,
    procfs: str = "/proc",
) -> Request:
    return Request(
        target=target,
        action=Action("act", kind, options),
        tier=Tier.CRITICAL,
        recipients=tuple(recipients),
        deadline=Seconds(deadline),
        needed=None if needed is None else Bytes(needed),
        because=because,
        facts=facts,
        procfs=procfs,
    )
