"""Do the blocks work on every Python that a target may have, with nothing installed?"""

from collections.abc import Callable
from typing import Any

import pytest

ALL = """
tuning = hooks.tune_gc((5000, 10, 10))
limits = hooks.limit_threads(8)
detector = hooks.LeakDetector(interval=0.01, window=0.03, windows=3)
services = hooks.BackgroundServices(calm_seconds=0.01)
services.add('a', lambda stop: stop.wait(60))
services.start()
with hooks.single_instance('shop') as one:
    kept = []
    for _ in range(9):
        kept.extend({'leaked': []} for _ in range(300))
        detector.look()
    held = one.held
while services.status()['a']['state'] != 'running': time.sleep(0.01)
figures = hooks.status()
reclaimed = {one['name']: one['outcome'] for one in hooks.reclaim('emergency')['hooks']}
detector.close()
found = [gc.get_threshold()[0], limits.executor().submit(int).result(), held,
         [reclaimed[name] for name in ('services', 'leaks')],
         all(figures['caches'][name]['footprint_bytes'] for name in ('gc-tuning', 'leaks', 'services')),
         figures['stats']['faults']['figures']]
tuning.undo()
say(found)
"""


@pytest.mark.live
def test_the_blocks_work_on_every_python(program: Callable[..., Any], python: str) -> None:
    found = program(ALL, python)
    assert found == [5000, 0, True, ["ran", "ran"], True, 0]


@pytest.mark.live
def test_a_fork_that_nobody_froze_would_unshare_on_every_python(program: Callable[..., Any], python: str) -> None:
    code = """
hooks.LeakDetector(start=False)  # a block minds forks, as an agent does
from brimwatch.hooks.collect import HERITAGE
def child():
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, json.dumps(HERITAGE.would_unshare).encode()); os._exit(0)
    os.wait(); return json.loads(os.read(reader, 99))
found = [child()]
gc.freeze()
say([*found, child()])
"""
    assert program(code, python) == [True, False]
