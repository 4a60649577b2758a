"""Which signals can an action name, and which of them end a process?

Names only: a number means another signal on another architecture. Real-time signals are counted from the C library of
Brimwatch; a target with musl counts from one higher.
"""

from __future__ import annotations

import re
import signal

from brimwatch.config.nodes import Node

# What ends a process by default, and is meant to: what catches one of these usually does so in order to end well.
ENDING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGKILL, signal.SIGTERM})
# To end is their purpose, with a handler or without: these two need nobody who catches them.
CERTAIN = frozenset({signal.SIGTERM, signal.SIGKILL})

_FAULT = "the kernel reports a program's own fault with it; programs end, or run on in a broken state"
_REFUSED: dict[int, str] = {
    signal.SIGSTOP: "a stopped process gives nothing back and nobody resumes it",
    signal.SIGCONT: "it resumes a process and frees nothing",
    signal.SIGCHLD: "the kernel tells of ended children with it",
    signal.SIGSEGV: _FAULT,
    signal.SIGBUS: _FAULT,
    signal.SIGFPE: _FAULT,
    signal.SIGILL: _FAULT,
    signal.SIGTRAP: _FAULT,
    signal.SIGSYS: _FAULT,
    signal.SIGSTKFLT: _FAULT,
}
_REAL_TIME = re.compile(r"(?:SIG)?RT(?:MIN(?:\+([0-9]{1,2}))?|MAX(?:-([0-9]{1,2}))?)", re.ASCII)
_NAMES: dict[str, int] = {name: number for name, number in signal.Signals.__members__.items() if name[:5] != "SIGRT"}
_WANTED = "a signal's name, such as SIGUSR1 or SIGTERM"


def name_of(number: int) -> str:
    """The usual name of a signal: `SIGUSR1`, `SIGRTMIN+2`."""
    if number > signal.SIGRTMIN:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
    return signal.Signals(number).name


def number_of(name: str) -> int | None:
    """The number of a signal on this machine, for a name with or without `SIG`; None where there is none."""
    counted = _REAL_TIME.fullmatch(name)
    if counted is None:
        return _NAMES.get(name) or _NAMES.get(f"SIG{name}")
    number = signal.SIGRTMIN + int(counted[1] or 0) if "MIN" in name else signal.SIGRTMAX - int(counted[2] or 0)
    return number if signal.SIGRTMIN <= number <= signal.SIGRTMAX else None


def parse_signal(node: Node) -> int | None:
    """Read a signal that may be sent. Adds a fault and returns None for any other."""
    if not node.is_scalar:
        node.fault(node.shown, _WANTED)
        return None
    if node.written.isdigit():
        node.fault(f"the number {node.shown}", _WANTED, "numbers mean other signals on other machines")
        return None
    number = number_of(node.written)
    if number is None:
        node.fault(node.shown, _WANTED, _nearest(node.written))
    elif number in _REFUSED:
        node.fault(name_of(number), "a signal that a program can answer by giving memory back", _REFUSED[number])
        return None
    return number


def _nearest(word: str) -> str:
    import difflib  # only where something is misspelt

    # Without the `SIG` that all have in common: by it, SIGFOO is near to SIGIO.
    wanted = word[:32].upper().removeprefix("SIG")
    names = [name.removeprefix("SIG") for name in _NAMES if _NAMES[name] not in _REFUSED]
    close = difflib.get_close_matches(wanted, names, n=1)
    return f"did you mean SIG{close[0]}?" if close else ""
