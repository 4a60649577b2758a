import os
import signal
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from brimwatch.runtime.guarding.passing import descends, is_exiting, reached

pytestmark = pytest.mark.live
KERNEL, USER = 0x80, 0


def info(code: int, sender: int = 0) -> Any:
    return SimpleNamespace(si_signo=signal.SIGINT, si_code=code, si_pid=sender)


def test_what_the_terminal_sends_has_reached_a_command_in_our_group(spawn: Any) -> None:
    assert reached(info(KERNEL), spawn(["sleep", "60"]).pid)


def test_what_the_terminal_sends_has_not_reached_a_group_of_its_own(spawn: Any) -> None:
    assert not reached(info(KERNEL), spawn(["sleep", "60"], process_group=0).pid)


def test_what_somebody_sends_has_reached_us_alone(spawn: Any) -> None:
    assert not reached(info(USER, os.getppid()), spawn(["sleep", "60"]).pid)


def test_what_the_job_sends_is_not_for_us_to_repeat(spawn: Any) -> None:
    shell = spawn(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    grandchild = int(shell.stdout.readline())
    assert reached(info(USER, grandchild), shell.pid)
    assert descends(grandchild)


def test_a_process_that_has_ended_is_exiting_before_and_after_it_is_waited_for(spawn: Any, wait_until: Any) -> None:
    sleeper = spawn(["sleep", "60"])
    assert not is_exiting(sleeper.pid)
    sleeper.kill()
    wait_until(lambda: is_exiting(sleeper.pid))
    sleeper.wait()
    assert is_exiting(sleeper.pid)


@pytest.mark.parametrize("pid", [0, 1, os.getpid(), os.getppid()], ids=["nobody", "init", "ourselves", "our parent"])
def test_we_and_those_above_us_are_no_descendants(pid: int) -> None:
    assert not descends(pid)
