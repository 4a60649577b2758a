"""Does an agent that finds no memory for one thing go on with the next? Each thing fails once, in a real process."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.hooks.speaking import Target, outcomes

pytestmark = pytest.mark.live
Start = Callable[..., Target]

STARVES = """
def starve_once(module, name):
    was = getattr(module, name)
    def once(*given):
        setattr(module, name, was)
        raise MemoryError
    setattr(module, name, once)
"""


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("import brimwatch.hooks.client as client; starve_once(client, 'write_answer')", id="an answer"),
        pytest.param("import brimwatch.hooks.client as client; starve_once(client, 'split_head')", id="a request"),
        pytest.param("import brimwatch.hooks.agent as agent; starve_once(agent, 'Client')", id="a connection"),
        pytest.param("from brimwatch.hooks.haste import Haste; starve_once(Haste, 'begin')", id="a turn"),
    ],
)
def test_without_memory_for_one_thing_who_asks_is_hung_up_on_and_the_next_is_answered(start: Start, fault: str) -> None:
    target = start(STARVES)
    assert target.stats()["tier"] == "calm"
    target.run(f"{fault}; print()")
    with suppress(EOFError, ConnectionError):  # the connection is ended, where it was that one's
        target.stats()
    assert outcomes(target.reclaim("warning"))["trim"] == ("ran", None)
    assert target.run("print(hooks.status()['agent']['faults'])") == "1"


def test_an_agent_that_cannot_count_its_faults_for_lack_of_memory_lives_on(start: Start) -> None:
    target = start(STARVES)
    target.stats()
    target.run(
        "from brimwatch.hooks.haste import Haste; starve_once(Haste, 'begin'); starve_once(Haste, 'end'); print()"
    )
    assert target.stats()["tier"] == "calm"
