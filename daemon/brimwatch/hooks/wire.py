"""What do an agent and a daemon agree on? Names of paths, bounds, words and versions; docs/hooks.md shows the bodies.

Both sides import this file, so it imports nothing but `os`. What is agreed on never changes its meaning within one
`VERSION`; fields may be added, and what is not understood is skipped.
"""

from __future__ import annotations

import os

VERSION = 1
STATS = "/v1/stats"
RECLAIM = "/v1/reclaim"
TIER = "/v1/tier"

TIERS = ("calm", "warning", "critical", "emergency")

ENVIRONMENT = "BRIMWATCH_RUN_DIR"  # on both sides
RUN_DIR = "/run/brimwatch"
LONGEST_PATH = 107  # bytes of a socket's path, unix(7), without the closing zero

LONGEST_NAME = 64  # characters of a hook's name
NAME_EXTRAS = "_.-:"  # what a name may hold beside letters and digits of ASCII
MOST_HOOKS = 64
MOST_SUBSCRIBERS = 64  # of tiers; all building blocks together are one
NO_GROUPS = ("emergency", ".", "..")  # as a group's name they could not be told from another path
MOST_INFO = 8  # named figures of one hook
LONGEST_DETAIL = 200  # characters
LONGEST_REASON = 64

LONGEST_LINE = 1024  # bytes of a request's first line
LONGEST_HEAD = 8192  # bytes of it and its headers
LONGEST_BODY = 65536  # bytes of a request's body
LONGEST_ANSWER = 262144  # bytes of an answer, head included: what a client has to be ready for, and where it may stop
MOST_CLIENTS = 8  # connections at once
BACKLOG = 64  # connections not yet taken
IDLE_SECONDS = 30.0  # how long a connection without a request is kept
REQUEST_SECONDS = 5.0  # how long a request may take to arrive, and an answer to be taken

DEADLINE_SECONDS = 10.0  # of a reclaim that names none
LONGEST_DEADLINE = 300.0
LEASE_SECONDS = 30.0  # of a reclaim; a tier brings its own
LONGEST_LEASE = 3600.0
MOST_BYTES = 1 << 62

# Outcomes of a hook, and the words of `brimwatch.model.Reason` that an agent uses.
RAN, SUPPRESSED, FAILED = "ran", "suppressed", "failed"
BUSY, CURED, DEADLINE, ERROR = "busy", "cured", "deadline", "error"
NO_HANDLER, UNSUPPORTED, WOULD_UNSHARE = "no_handler", "unsupported", "would_unshare"
CONDITION, COOLDOWN = "condition", "cooldown"
REASONS = (BUSY, CURED, DEADLINE, ERROR, NO_HANDLER, UNSUPPORTED, WOULD_UNSHARE, CONDITION, COOLDOWN)
NO_DAEMON, BY_HAND, BY_SIGNAL = "no_daemon", "by_hand", "signal"  # reasons of a request that no daemon made


def run_dirs(uid: int, environment: os._Environ[str] | dict[str, str] | None = None) -> tuple[str, ...]:
    """Where the agents of a user may have their sockets, in the order in which they try.

    `$BRIMWATCH_RUN_DIR` alone where it is set to an absolute path. A daemon looks into all of them; of the last one,
    which anybody could have made, both sides want owner `uid` and mode 0700.
    """
    known = os.environ if environment is None else environment
    chosen = known.get(ENVIRONMENT, "")
    if chosen.startswith("/"):
        return (chosen,)
    own = known.get("XDG_RUNTIME_DIR", "")
    middle = (f"{own}/brimwatch",) if own.startswith("/") else ()
    return (RUN_DIR, *middle, private_dir(uid))


def private_dir(uid: int) -> str:
    """The folder of last resort, of one user alone."""
    return f"/tmp/brimwatch-{uid}"  # noqa: S108 - owner and mode are checked by both sides


def socket_name(pid: int, start_ticks: int | None = None) -> str:
    """The file name of a process's socket; `start_ticks` is field 22 of proc_pid_stat(5), without it only the PID.

    Inside a container both numbers are those that the process sees of itself.
    """
    return f"{pid}.sock" if start_ticks is None else f"{pid}-{start_ticks}.sock"


def parse_socket_name(name: str) -> tuple[int, int | None] | None:
    """PID and start time that a file name means; None where it is no agent's."""
    stem, dot, ending = name.rpartition(".")
    pid, dash, ticks = stem.partition("-")
    if not dot or ending != "sock" or not _is_number(pid, 10) or (dash and not _is_number(ticks, 20)):
        return None
    return int(pid), int(ticks) if dash else None


def abstract_name(uid: int, pid: int, start_ticks: int) -> bytes:
    """Where an agent listens that can write nowhere: an abstract address (unix(7)), shown as `@brimwatch-...`.

    Anyone in the network namespace may take such a name first: the peer's credentials have to be checked.
    """
    return f"\0brimwatch-{uid}-{pid}-{start_ticks}".encode("ascii")


def is_name(text: object) -> bool:
    """Whether something may be the name of a hook: 1 to 64 letters, digits and `_.-:` of ASCII."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= LONGEST_NAME
        and text.isascii()
        and all(character.isalnum() or character in NAME_EXTRAS for character in text)
    )


def bounded(text: object, longest: int = LONGEST_DETAIL) -> str:
    """Any text in one line of printable ASCII, cut to `longest` characters."""
    line = str(text)[: 4 * longest].encode("ascii", "backslashreplace").decode("ascii")
    shown = "".join(character if " " <= character <= "~" else " " for character in line)
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits and not (text.startswith("0"))
