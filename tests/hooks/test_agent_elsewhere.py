"""Do hooks run on the main thread and on an event loop, and can a signal ask for them?"""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.speaking import Target, outcomes

pytestmark = pytest.mark.live
Start = Callable[..., Target]
SIGNALLED = "import signal; hooks.install(signal=signal.SIGUSR2)"
MAIN = """
@hooks.on('warning', run_on='main')
def here(request):
    ran.append(threading.current_thread() is threading.main_thread())
ran = []
"""


def test_a_hook_runs_on_the_main_thread_though_that_waits_for_input(start: Start, python: str) -> None:
    target = start(MAIN, python=python, install=SIGNALLED)
    assert outcomes(target.reclaim("warning"))["here"] == ("ran", None)
    assert target.run("print(ran)") == "[True]"


def test_a_main_thread_that_does_not_come_to_it_is_a_deadline_and_the_errand_is_called_back(start: Start) -> None:
    target = start(
        MAIN + "other = []\nhooks.on('warning', name='other')(lambda request: other.append(1))", install=SIGNALLED
    )
    target.send("signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}); print('deaf')")
    assert target.line() == "deaf"
    reply = target.reclaim("warning", deadline_seconds=2.0)
    assert outcomes(reply)["here"] == ("failed", "deadline")
    assert outcomes(reply)["other"] == ("ran", None)
    assert target.run("signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2}); print(ran)") == "[]"
    assert outcomes(target.reclaim("warning"))["here"] == ("ran", None)


def test_without_a_signal_the_main_thread_cannot_be_reached(start: Start) -> None:
    target = start(MAIN)
    assert outcomes(target.reclaim("warning"))["here"] == ("suppressed", "unsupported")
    assert target.run("print(hooks.reclaim('warning')['hooks'][0]['outcome'], ran)") == "ran [True]"


def test_the_signal_from_outside_is_a_reclaim_at_critical(start: Start) -> None:
    target = start(
        "hooks.on('critical', name='c')(lambda request: print(request.tier, request.reason))", install=SIGNALLED
    )
    os.kill(target.pid, signal.SIGUSR2)
    assert target.line() == "critical signal"


def test_a_signal_that_the_program_handles_is_not_taken(start: Start) -> None:
    target = start(install="import signal; signal.signal(signal.SIGUSR2, lambda *_: None)\n" + SIGNALLED)
    assert (
        target.run("print(hooks.status()['agent']['signal_refused'])") == "signal 12 is handled by the program already"
    )


def test_uninstall_gives_the_signal_back(start: Start) -> None:
    target = start(install=SIGNALLED)
    assert target.run("hooks.uninstall(); print(signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL)") == "True"


def test_ctrl_c_in_a_hook_on_the_main_thread_reaches_the_program(start: Start) -> None:
    target = start(
        "def stop(request):\n    raise KeyboardInterrupt\nhooks.on('warning', run_on='main')(stop)\n"
        "try:\n    os.write(1, b'waiting\\n'); time.sleep(60)\nexcept KeyboardInterrupt:\n    interrupted = True\n",
        install=SIGNALLED + "\nprint('ready')",  # said twice: before the wait, and after it
    )
    assert target.line() == "waiting"
    assert outcomes(target.reclaim("warning"))["stop"] == ("failed", "error")
    assert target.line() == "ready"
    assert target.run("print(interrupted)") == "True"


LOOP = """
import asyncio
loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_forever, name='loop', daemon=True)
thread.start()
ran = []
@hooks.on('warning', run_on=loop)
def plain(request):
    ran.append(threading.current_thread() is thread)
    return 7
@hooks.on('warning', run_on=loop)
async def slow(request):
    await asyncio.sleep(0.01)
    ran.append(asyncio.get_running_loop() is loop)
    return 8
@hooks.on('warning', run_on=loop)
async def bad(request):
    raise OSError('no')
@hooks.on('warning')
async def lost(request):
    pass
"""


def test_hooks_and_coroutines_run_on_an_event_loop(start: Start, python: str) -> None:
    target = start(LOOP, python=python)
    reply = target.reclaim("warning")
    found = outcomes(reply)
    assert (found["plain"], found["slow"], found["bad"]) == (("ran", None), ("ran", None), ("failed", "error"))
    assert found["lost"] == ("failed", "error")
    assert reply.body["claimed_bytes"] >= 15
    assert target.run("print(ran)") == "[True, True]"


def test_a_closed_loop_is_said(start: Start, wait_until: Any) -> None:
    target = start(LOOP)
    assert target.run("loop.call_soon_threadsafe(loop.stop); thread.join(); loop.close(); print('closed')") == "closed"
    reply = target.reclaim("warning", names=["plain"])
    assert outcomes(reply) == {"plain": ("suppressed", "unsupported")}
    assert "closed" in reply.body["hooks"][0]["detail"]


def test_a_coroutine_that_overruns_keeps_the_turn_until_it_ends(start: Start, wait_until: Any) -> None:
    target = start(
        LOOP + "@hooks.on('critical', run_on=loop)\nasync def long(request):\n    await asyncio.sleep(0.5)\n"
    )
    reply = target.reclaim("critical", names=["long", "trim"], deadline_seconds=0.1)
    assert outcomes(reply) == {"long": ("failed", "deadline"), "trim": ("failed", "deadline")}
    assert target.reclaim("warning").status == 409
    wait_until(lambda: target.stats()["busy"] is None)
    assert outcomes(target.reclaim("warning"))["plain"] == ("ran", None)
