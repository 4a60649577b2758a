"""Do breakers, guards, batches, streams and lazy objects work on every Python, with nothing installed?"""

import json
from collections.abc import Callable

import pytest
from tests.hooks.speaking import Target

ALL = """
import asyncio, io, json
lazy = hooks.LazyModule('model', lambda: {'a': [1]})
module = hooks.LazyModule('colorsys')
breaker = hooks.CircuitBreaker(open_at='100TB')
@breaker
@hooks.memory_guard('async', needs='1kB')
async def run():
    await asyncio.sleep(0)
    return lazy.get('a')
found = [asyncio.run(run()), module.rgb_to_hsv(0, 0, 0)[2], breaker.state]
with lazy as held:
    pass
kept = [one['reason'] for one in hooks.reclaim('emergency')['hooks'] if one['name'] == 'lazy:model']
del held
gone = [one['outcome'] for one in hooks.reclaim('emergency')['hooks'] if one['name'] == 'lazy:model']
found += [kept, gone, 'colorsys' in sys.modules]
found.append([sum(batch) for batch in hooks.AdaptiveBatcher(size=2, steps=[('100TB', 2)])(range(5))])
found.append(list(hooks.stream_chunks(io.BytesIO(b'[1, "x"]'), 'json', chunk_bytes=1)))
found.append(sorted(hooks.status()['stats']['faults'].values()))
"""


@pytest.mark.live
def test_the_blocks_work_on_every_python(start: Callable[..., Target], python: str) -> None:
    target = start(ALL, python)
    found = json.loads(target.run("print(json.dumps(found))"))
    assert found == [[1], 0, "closed", ["busy"], ["ran"], False, [1, 5, 4], [1, "x"], [0, 0, 0, 0]]
