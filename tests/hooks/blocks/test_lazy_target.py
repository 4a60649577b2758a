"""Does a real process give back what its model held, as seen from outside?"""

import importlib.util
import os
from collections.abc import Callable

import psutil
import pytest
from tests.hooks.speaking import Target, outcomes

MODEL = 100_000_000
TARGET = f"""
import numpy
def load():
    return type('Model', (), {{'weights': numpy.ones({MODEL} // 8), 'ask': lambda self: float(self.weights[-1])}})()
model = hooks.LazyModule('model', load)
critical = hooks.LazyModule('small', lambda: bytearray(1000), critical=True)
critical.upper()
assert model.ask() == 1.0
"""


@pytest.mark.live
def test_a_target_gives_back_what_its_model_held_as_seen_from_outside(start: Callable[..., Target]) -> None:
    if importlib.util.find_spec("numpy") is None:
        assert os.environ.get("CI") != "true", "numpy is not installed"
        pytest.skip("numpy is not installed: `make test` brings it")
    target = start(TARGET)
    process = psutil.Process(target.pid)
    before = process.memory_info().rss
    reply = target.reclaim("emergency")
    after = process.memory_info().rss
    assert outcomes(reply)["lazy:model"] == ("ran", None)
    assert outcomes(reply)["lazy:small"] == ("suppressed", "condition")
    assert before - after >= 0.9 * MODEL, (before, after, reply.body)
    assert target.run("print(model.ask(), critical.__lazy__.loads, model.__lazy__.loads)") == "1.0 1 2"
