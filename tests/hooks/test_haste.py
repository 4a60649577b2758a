"""Does a program have its own switch interval back once nobody asks its agent any more? Real processes."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.speaking import Target, connect, outcomes, read_reply, request

from brimwatch.hooks.haste import SPOKEN, SWITCH, Haste

Start = Callable[..., Target]
SEEN = """
seen = []
@hooks.on('warning')
def look(request):
    seen.append(sys.getswitchinterval())
"""


@pytest.fixture
def interval() -> Any:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_it_is_short_for_a_while_after_each_word(interval: None) -> None:
    haste = Haste()
    sys.setswitchinterval(0.004)
    haste.begin(10.0)
    haste.begin(10.05)
    haste.look(10.05 + SPOKEN - 0.001)
    assert sys.getswitchinterval() == pytest.approx(SWITCH)
    haste.look(10.05 + SPOKEN)
    assert (sys.getswitchinterval(), haste.until) == (pytest.approx(0.004), None)


@pytest.mark.parametrize(
    ("before", "meanwhile", "after"),
    [
        pytest.param(SWITCH / 2, None, SWITCH / 2, id="one that switches as often by itself is left alone"),
        pytest.param(0.005, 0.02, 0.02, id="what the program sets meanwhile stays"),
    ],
)
def test_what_the_program_wants_comes_first(
    interval: None, before: float, meanwhile: float | None, after: float
) -> None:
    sys.setswitchinterval(before)
    haste = Haste()
    haste.begin(1.0)
    if meanwhile is not None:
        sys.setswitchinterval(meanwhile)
    haste.end()
    assert sys.getswitchinterval() == pytest.approx(after)


@pytest.mark.live
def test_a_hook_runs_in_haste_and_the_program_goes_on_as_before(start: Start, python: str, wait_until: Any) -> None:
    target = start(SEEN, python=python)
    before = float(target.run("print(sys.getswitchinterval())"))
    target.reclaim("warning")
    assert float(target.run("print(seen.pop())")) == pytest.approx(SWITCH)
    wait_until(lambda: float(target.run("print(sys.getswitchinterval())")) == pytest.approx(before))


@pytest.mark.live
def test_a_child_that_is_forked_in_haste_has_the_programs_own(start: Start) -> None:
    target = start("""
@hooks.on('warning')
def fork(request):
    pid = os.fork()
    if pid == 0:
        os.write(1, f'{sys.getswitchinterval():.6f}\\n'.encode())
        os._exit(0)
    os.waitpid(pid, 0)
""")
    target.reclaim("warning")
    assert float(target.line()) == pytest.approx(0.005)
    target.end()


@pytest.mark.live
def test_a_hook_that_takes_long_is_in_no_hurry_after_a_second(start: Start, wait_until: Any) -> None:
    target = start("go = threading.Event()\nhooks.on('warning', name='waits')(lambda request: go.wait() and None)")
    asks = "print(sys.getswitchinterval())"
    with connect(target.address()) as client:
        client.sendall(request("POST", "/v1/reclaim", {"tier": "warning", "deadline_seconds": 30}))
        wait_until(lambda: float(target.run(asks)) == pytest.approx(SWITCH))
        wait_until(lambda: float(target.run(asks)) == pytest.approx(0.005))
        target.send("go.set()")
        assert outcomes(read_reply(client))["waits"] == ("ran", None)
