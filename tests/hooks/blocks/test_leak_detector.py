"""`LeakDetector`: does it name a leak that was planted into a real process, and keep silent about everything else?"""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brimwatch import hooks
from brimwatch.hooks import leak_detector
from brimwatch.hooks.collect import HERITAGE
from brimwatch.hooks.leak_look import last_of, mean_size, named, places, tracked_types

MAKE = """
class Order:
    def __init__(self, size): self.payload = bytes(size)
class Node:
    def __init__(self): self.me = self
def windows(step, number=6):
    for window in range(number):
        for look in range(4):
            step(window * 4 + look); detector.look(); time.sleep(0.002)
def told(): return [[leak.name, leak.objects, leak.where, leak.confidence] for leak in detector.report()]
kept = []
options = dict(interval=1, window=4, least=100, start=False)
"""


@pytest.fixture
def detector() -> Iterator[hooks.LeakDetector]:
    found = hooks.LeakDetector(interval=1, window=3, windows=3, least=10, start=False)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        pytest.param({"interval": 0}, "interval: found 0", id="no pause between looks"),
        pytest.param({"interval": float("nan")}, "interval: found nan", id="a pause that is no number"),
        pytest.param({"interval": 60, "window": 60}, "window: found 60", id="a window of one look"),
        pytest.param({"windows": 2}, "windows: found 2", id="too few windows to tell"),
        pytest.param({"least": True}, "least: found True", id="a truth value"),
        pytest.param({"on_leak": "print"}, "on_leak: found 'print'", id="a text to call"),
        pytest.param({"name": "a b"}, "found the name 'a b'", id="a name that no metric can have"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_hook(arguments: Any, fault: str, registry: Any) -> None:
    before = dict(registry.hooks)
    with pytest.raises(ValueError, match=fault):
        hooks.LeakDetector(**arguments)
    assert registry.hooks == before


@pytest.mark.live
def test_a_planted_leak_is_named_with_its_rate_and_the_line_that_made_it(program: Callable[..., Any]) -> None:
    code = f"""
import tracemalloc; tracemalloc.start()
{MAKE}
heard = []
detector = hooks.LeakDetector(on_leak=heard.append, **options)
windows(lambda look: kept.extend(Order(2000) for _ in range(50)))
order = [leak for leak in detector.report() if leak.name == '__main__.Order'][0]
hourly = order.objects / order.seconds * 3600
say([[leak.name for leak in heard].count('__main__.Order'), order.objects, round(order.bytes_per_hour / hourly),
     order.where, order.confidence > 0.95, detector.info()['leaks'] >= 1])
"""
    times, objects, size, where, sure, counted = program(code)
    assert (times, sure, counted) == (1, True, True)
    assert 600 <= objects <= 1200
    assert 2000 <= size <= 2400
    assert len(where) == 1
    assert where[0].startswith("<string>:")


@pytest.mark.live
def test_a_sawtooth_and_a_cache_that_is_full_are_not_named(program: Callable[..., Any]) -> None:
    code = f"""
{MAKE}
detector = hooks.LeakDetector(**options)
cache = {{}}
def step(look):
    kept.extend(Order(9) for _ in range(500))
    if look % 3 == 2: kept.clear()
    for number in range(500): cache[number] = Order(9)
windows(step, 10)
say([leak.name for leak in detector.report() if leak.objects is not None])
"""
    assert program(code) == []


@pytest.mark.live
def test_cycles_that_wait_for_a_collection_are_not_named(program: Callable[..., Any]) -> None:
    code = f"""
{MAKE}
gc.disable()
detector = hooks.LeakDetector(**options)
windows(lambda look: [Node() for _ in range(500)] and None)
say([leak.name for leak in detector.report() if leak.objects is not None])
"""
    assert program(code) == []


@pytest.mark.live
def test_what_python_does_not_track_is_seen_in_the_resident_set(program: Callable[..., Any]) -> None:
    code = f"""
{MAKE}
detector = hooks.LeakDetector(**options)
windows(lambda look: kept.append(b'x' * 2_000_000))
(leak,) = [leak for leak in detector.report() if leak.name == 'resident set']
say([leak.objects, leak.bytes_per_hour * leak.seconds / 3600 > 20e6])
"""
    assert program(code) == [None, True]


@pytest.mark.live
def test_its_thread_looks_by_itself_in_a_forked_child_too_and_ends_when_closed(program: Callable[..., Any]) -> None:
    code = """
gc.freeze()
detector = hooks.LeakDetector(interval=0.01, window=0.03, name='mine')
def looked(more=3):
    before, end = detector.looks, time.monotonic() + 20
    while detector.looks < before + more and time.monotonic() < end: time.sleep(0.005)
    return detector.looks >= before + more
reader, writer = os.pipe()
here = looked()
if os.fork() == 0:
    os.write(writer, json.dumps([looked(), threading.active_count()]).encode()); os._exit(0)
os.wait()
child = json.loads(os.read(reader, 999))
detector.close()
end = time.monotonic() + 20
while threading.active_count() > 1 and time.monotonic() < end: time.sleep(0.005)
say([here, child, looked(0), threading.active_count(), 'mine' in hooks.status()['caches']])
"""
    assert program(code) == [True, [True, 2], True, 1, False]


def test_a_fork_that_was_not_frozen_is_not_looked_through(
    detector: hooks.LeakDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HERITAGE, "would_unshare", True)
    detector.look()
    assert (detector.missing.split(":")[0], detector.info()["types"]) == ("forked without gc.freeze()", 0)


def test_a_heap_that_is_too_large_to_be_counted_is_not(
    detector: hooks.LeakDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leak_detector, "MOST_BLOCKS", 10)
    detector.look()
    assert detector.missing.endswith("to count them would hold up the program")
    assert detector._pause(1.0) >= detector.seconds / leak_detector.SHARE


def test_a_callback_that_raises_is_counted_and_told_once() -> None:
    heard: list[str] = []

    def hear(leak: Any) -> None:
        heard.append(leak.name)
        raise RuntimeError("no mail today")

    detector = hooks.LeakDetector(interval=1, window=3, windows=3, least=5, on_leak=hear, start=False)
    kept: list[Any] = []
    for _ in range(18):
        kept.extend({"leaked": []} for _ in range(400))
        detector.look()
    assert heard.count("dict") == 1
    assert detector.faults == len(heard)
    detector.close()


class Odd(type):
    """A metaclass that wants none of this."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError("compared")

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")


class Strange(metaclass=Odd):
    def __sizeof__(self) -> int:
        raise RuntimeError("measured")


def test_strange_types_are_counted_without_running_their_code() -> None:
    kept = [Strange() for _ in range(50)]
    counts, types = named([type(one) for one in kept] + [type("a" * 5000, (), {})])
    name = f"{__name__}.Strange"
    assert (counts[name], types[name] is type(kept[0])) == (50, True)
    assert max(map(len, counts)) <= 200
    assert mean_size(last_of(types[name])) is not None
    assert places(kept) == []  # tracemalloc is off


def test_a_look_keeps_nothing_alive_and_sees_every_object() -> None:
    class Marked:
        pass

    kept = [Marked() for _ in range(77)]
    counts, _ = named(tracked_types())
    assert counts[f"{__name__}.{Marked.__qualname__}"] == len(kept)
    referrers = gc.get_referrers(kept[0])
    assert referrers == [kept]


def test_in_an_emergency_level_types_are_forgotten_and_the_bytes_told(detector: hooks.LeakDetector) -> None:
    for _ in range(6):
        detector.look()
    assert detector.size_bytes() > 10_000
    (outcome,) = hooks.reclaim("emergency", names=["leaks"])["hooks"]
    assert outcome["outcome"] == "ran"
    assert outcome["claimed_bytes"] > 10_000
    (outcome,) = hooks.reclaim("emergency", names=["leaks"])["hooks"]
    assert outcome["outcome"] in ("suppressed", "ran")


def test_a_leak_reads_as_one_line(detector: hooks.LeakDetector) -> None:
    from brimwatch.hooks.leak_judge import Growth

    growth = Growth("shop.Order", 900, 600, 60.0, 4)
    leak = leak_detector.Leak(growth, 2048.0, ["shop.py:7"])
    assert str(leak) == "shop.Order: 600 more in 60 s, 73.7 MB an hour, confidence 0.96, made at shop.py:7"
    assert str(leak_detector.Leak(growth, None, [])).startswith("shop.Order: 600 more in 60 s, size unknown")


def test_many_threads_may_look_report_and_shrink_at_once(detector: hooks.LeakDetector) -> None:
    faults: list[Exception] = []

    def shake() -> None:
        try:
            for _ in range(5):
                detector.look()
                detector.report()
                detector.size_bytes()
                hooks.reclaim("emergency", names=["leaks"])
        except Exception as fault:  # noqa: BLE001 - told below, on the main thread
            faults.append(fault)

    threads = [threading.Thread(target=shake) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (faults, detector.looks, detector.faults) == ([], 20, 0)


def test_a_callback_that_exits_ends_no_thread_of_ours(wait_until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_found: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(hooks.LeakDetector, "look", leave)
    found = hooks.LeakDetector(interval=0.01, window=0.05)
    wait_until(lambda: found.faults >= 2)
    found.close()
