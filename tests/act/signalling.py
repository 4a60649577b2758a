"""What do the tests of signals share? What is sent, and to whom."""

import asyncio
import signal
from typing import Any

from tests.act.processes import held, request_for

from brimwatch.act.send_signal import Sending, run
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Seconds

USR1 = Sending(signal.SIGUSR1)
TERM = Sending(signal.SIGTERM)


def ending(grace: float) -> Sending:
    return Sending(signal.SIGTERM, then=signal.SIGKILL, grace=Seconds(grace))


def send_to(pid: int, options: Sending, **more: Any) -> Attempt:
    with held(pid) as recipients:
        return asyncio.run(run(request_for(options, recipients, **more)))


def told(attempt: Attempt) -> tuple[Verdict, Reason | None]:
    return attempt.verdict, attempt.reason
