"""What do the tests of commands share? Short ways to run one, and what must be left afterwards: nothing."""

import asyncio
import os
import sys
from typing import Any

from tests.act.processes import request_for

from brimwatch.act.run_command import Command, run
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Seconds


def command(*arguments: str, seconds: float = 20.0) -> Command:
    return Command(arguments, Seconds(seconds))


def python(code: str, *arguments: str, seconds: float = 20.0) -> Command:
    return command(sys.executable, "-c", code, *arguments, seconds=seconds)


def shell(script: str, *arguments: str, seconds: float = 20.0) -> Command:
    return command("/bin/sh", "-c", script, "sh", *arguments, seconds=seconds)


def attempt_of(options: object, **more: Any) -> Attempt:
    return asyncio.run(run(request_for(options, kind="exec", **more)))


def told(attempt: Attempt) -> tuple[Verdict, Reason | None]:
    return attempt.verdict, attempt.reason


def no_children() -> bool:
    """No child of ours is left, not even a zombie."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False
