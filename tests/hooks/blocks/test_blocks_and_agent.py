"""Do blocks follow the tier of a real agent, and give back when it acts by itself?"""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hooks.speaking import Target

SETUP = """
import numpy
cache = hooks.PriorityCache({"critical": 9_000_000, "general": 9_000_000}, emergency_bytes=1_000_000)
store = hooks.VectorStore(os.environ['FOLDER'] + '/v')
store.add("knee", [1.0, 0.0], "a swollen knee")

def fill():
    for number in range(4):
        cache.set(number, "x" * 2_000_000, "general")
        cache.set(-number - 1, "x" * 1000, "critical")

def figures():
    shelves = cache.stats()["classes"]
    how = store.search([1.0, 0.0], "knee").how
    print(how, *(shelves[kind]["entries"] for kind in ("critical", "general", "emergency")), flush=True)

fill()
"""


@pytest.mark.live
def test_blocks_follow_an_agent_that_judges_by_itself(
    start: Callable[..., Target], wait_until: Callable[..., object], tmp_path: Path
) -> None:
    target = start(SETUP, environment={"FOLDER": str(tmp_path)})

    def figures() -> str:
        return target.run("figures()")

    assert figures() == "vectors 4 4 0"
    target.send("hooks.install(thresholds={'emergency': 1})")
    # A byte is out of reach, so that even what is critical goes.
    wait_until(lambda: figures() == "keywords 0 0 0", 20.0)
    assert target.run("cache.set('late', 'x'); figures()") == "keywords 0 0 1"
    target.send("hooks.install(thresholds={'emergency': 1 << 50})")
    wait_until(lambda: figures() == "vectors 0 0 0", 20.0)
