"""How is a command run that must not harm the daemon, whatever it does?

`exec: [/usr/local/bin/cleanup, '{pid}']` runs once for a request, without a shell, for its first recipient. It has
`timeout`; what it prints is read to the end and its last 4 KiB are kept; when it is over, nothing of its session is
left. Its exit code is the answer.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import time
from dataclasses import dataclass
from typing import NamedTuple

from brimwatch.act.exits import exited, exits_within
from brimwatch.act.one_line import one_line
from brimwatch.act.output import Output
from brimwatch.act.request import Request, Traits
from brimwatch.act.session import ASK, INSIST, Session
from brimwatch.act.spawn import spawn
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Seconds, format_duration

KEYS = frozenset({"exec", "timeout"})
TIMEOUT = Seconds(10.0)
SHORTEST, LONGEST = 0.1, 1800.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLACEHOLDERS = ("{pid}", "{target}", "{tier}", "{needed_bytes}")
_PLACEHOLDER = re.compile(r"\{(?:pid|target|tier|needed_bytes)\}")
_FACT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_LONGEST_VALUE = 1024
_MOST_FACTS = 64
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: arguments with placeholders, the first one a program's absolute path; `timeout` in seconds."""

    arguments: tuple[str, ...]
    timeout: Seconds = TIMEOUT


class Over(NamedTuple):
    """How a command ended: seconds that it ran, its exit code (negative: the signal; None: it does not end)."""

    in_time: bool
    ran: float
    code: int | None


def parse(node: Node) -> Traits | None:
    """Read `{exec: [/usr/local/bin/cleanup, '{pid}'], timeout: 10s}`."""
    fields = node.mapping()
    if fields is None or "exec" not in fields:
        return None
    items = fields["exec"].items()
    timeout = fields["timeout"].duration(SHORTEST, LONGEST) if "timeout" in fields else TIMEOUT
    if items is None:
        return None
    if not items:
        fields["exec"].fault("an empty list", "a program and its arguments")
        return None
    arguments = [_argument(item, is_program=index == 0) for index, item in enumerate(items)]
    if timeout is None or None in arguments:
        return None
    return Traits(Command(tuple(one for one in arguments if one is not None), timeout))


def longest(options: object) -> Seconds:
    """How long an attempt can take, the end of a command that overran its time included."""
    return Seconds((options.timeout if isinstance(options, Command) else TIMEOUT) + ASK + INSIST)


def describe(options: object) -> str:
    """What an attempt would run, for a person. Arguments may hold secrets: the program alone is told."""
    return f"run {options.arguments[0]}" if isinstance(options, Command) else "run a command"


async def run(request: Request) -> Attempt:
    """Run the command once. It ends with the attempt, or with the attempt's cancellation."""
    started = time.monotonic()
    command = request.action.options
    if not isinstance(command, Command):
        return _failed(started, Reason.ERROR, "not the options of a command")
    if request.recipients and exited(request.recipients[0].pidfd):
        gone = f"process {request.recipients[0].process.pid} has exited"
        return Attempt(Verdict.SUPPRESSED, started, time.monotonic(), Reason.VANISHED, gone)
    arguments = _fill(command.arguments, request)
    odd = _refused(command.arguments, arguments)
    if odd is not None:
        return _failed(started, *odd)
    try:
        output = Output()
    except OSError as error:
        return _failed(started, Reason.ERROR, one_line(str(error)))
    try:
        session = Session(spawn(arguments, environment(request), output.end, request.procfs), request.procfs)
        output.follow()
        over = await complete(session, min(command.timeout, request.deadline))
        return _judge(over, started, output.last_line())
    except (OSError, ValueError) as error:
        return _not_started(started, arguments[0], error)
    finally:
        output.close()


async def complete(session: Session, seconds: float) -> Over:
    """Give a command its seconds, then end all that is left of its session, which is closed."""
    started = time.monotonic()
    try:
        in_time = await exits_within(session.pidfd, seconds)
        ran = time.monotonic() - started
        await session.end()
    except BaseException:
        session.kill()
        raise
    finally:
        code = session.close()
    return Over(in_time, ran, code)


def _judge(over: Over, started: float, said: str) -> Attempt:
    tail = f": {said}" if said else ""
    ran = format_duration(over.ran)
    if not over.in_time:
        how = "and does not end" if over.code is None else "ended"
        return _failed(started, Reason.DEADLINE, f"still running after {ran}, {how}{tail}")
    if over.code:
        return _failed(started, Reason.EXIT_CODE, f"{_told(over.code)} after {ran}{tail}")
    return Attempt(Verdict.RUN, started, time.monotonic(), detail=f"exit code 0 after {ran}{tail}")


def environment(request: Request) -> dict[str, str]:
    """What the command finds: a search path, a language, a home, and `BRIMWATCH_*`. Values are one printable line."""
    given = request.facts or {}
    facts = {name.upper(): value for name, value in list(given.items())[:_MOST_FACTS] if _FACT.fullmatch(name)}
    facts |= {
        "TARGET": request.target,
        "TIER": request.tier.label,
        "ACTION": request.action.name,
        "REASON": request.because,
        "SEVERITY": f"{request.severity:.3f}",
        "PID": str(request.recipients[0].process.pid) if request.recipients else "",
        "PIDS": " ".join(str(one.process.pid) for one in request.recipients),
        "COMM": request.recipients[0].comm if request.recipients else "",
    }
    if request.needed is not None:
        facts["NEEDED_BYTES"] = str(request.needed)
    named = {f"BRIMWATCH_{name}": one_line(value, _LONGEST_VALUE) for name, value in facts.items() if value}
    return {"PATH": PATH, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/"), **named}


def _argument(node: Node, is_program: bool) -> str | None:
    text = node.text()
    if text is None:
        return None
    if is_program and (not text.startswith("/") or text.endswith("/")):
        node.fault(node.shown, "the absolute path of a program", "nothing is searched for, and no shell is asked")
        return None
    rest = _PLACEHOLDER.sub("", text)
    if is_program and rest != text:
        node.fault(node.shown, "a program's path without placeholders")
    elif "{" in rest or "}" in rest:
        node.fault(node.shown, f"no braces but those of {', '.join(PLACEHOLDERS)}")
    else:
        return text
    return None


def _fill(arguments: tuple[str, ...], request: Request) -> tuple[str, ...]:
    """The arguments with their placeholders filled in, in one pass: a value is never looked at again."""
    values = {
        "{pid}": str(request.recipients[0].process.pid) if request.recipients else "",
        "{target}": one_line(request.target, _LONGEST_VALUE),
        "{tier}": request.tier.label,
        "{needed_bytes}": "" if request.needed is None else str(request.needed),
    }
    return tuple(_PLACEHOLDER.sub(lambda found: values[found[0]], one) for one in arguments)


def _refused(written: tuple[str, ...], arguments: tuple[str, ...]) -> tuple[Reason, str] | None:
    """What must not be run, and why: a name that became an option, a program that everyone may replace."""
    for before, after in zip(written, arguments, strict=True):
        if after.startswith("-") and not before.startswith("-"):
            return Reason.ERROR, f"{one_line(after, 40)} in place of {before} would be read as an option"
    try:
        replaceable = os.geteuid() == 0 and os.stat(arguments[0]).st_mode & stat.S_IWOTH
    except OSError:
        return None  # missing or out of reach: starting it says so
    return (Reason.DENIED, f"everyone may write {one_line(arguments[0])}: not run as root") if replaceable else None


def _not_started(started: float, program: str, error: Exception) -> Attempt:
    code = error.errno if isinstance(error, OSError) else None
    shown = one_line(program, _SHOWN)
    if code == errno.ENOENT:
        why = "its interpreter is missing" if os.path.exists(program) else "no such program"
        return _failed(started, Reason.NOT_FOUND, f"{shown}: {why}")
    if code in (errno.EACCES, errno.EPERM):
        return _failed(started, Reason.DENIED, f"{shown}: this user may not execute it")
    if code == errno.ENOEXEC:
        return _failed(started, Reason.ERROR, f"{shown}: not a program; a script begins with #!")
    return _failed(started, Reason.ERROR, f"{shown}: {one_line(str(error))}")


def _told(code: int) -> str:
    if code > 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _failed(started: float, reason: Reason, detail: str) -> Attempt:
    return Attempt(Verdict.FAILED, started, time.monotonic(), reason, detail)
