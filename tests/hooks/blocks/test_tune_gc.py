"""`tune_gc`: are there fewer collections, and is everything as before once it is undone?"""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch import hooks
from brimwatch.hooks.gc_tuning import BY_LEVEL, NAME, STRICT
from brimwatch.hooks.settings import SETTINGS
from brimwatch.hooks.wire import TIERS

BEFORE = (4321, 11, 12)
WORK = """
class Node:
    def __init__(self): self.me = self
def work():
    begun = [one['collections'] for one in gc.get_stats()]
    for _ in range(60000): Node()
    say([now - then for now, then in zip([one['collections'] for one in gc.get_stats()], begun)])
"""


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    found, level = gc.get_threshold(), SETTINGS.level
    gc.set_threshold(*BEFORE)
    yield
    hooks.tune_gc(freeze=False).undo()
    gc.set_threshold(*found)
    SETTINGS.configure(level, {})


@pytest.mark.parametrize("level", BY_LEVEL)
def test_thresholds_are_those_of_the_level(level: str) -> None:
    hooks.configure(level=level)
    hooks.tune_gc(freeze=False)
    assert BY_LEVEL[level] == gc.get_threshold()
    hooks.tune_gc(level="basic", freeze=False)
    assert BY_LEVEL["basic"] == gc.get_threshold()


@pytest.mark.parametrize(
    "thresholds",
    [
        pytest.param((0, 10, 10), id="a first threshold of 0 would switch the collector off"),
        pytest.param((700, 10), id="two of three"),
        pytest.param((700, 10, 10, 10), id="four of three"),
        pytest.param((700, -1, 10), id="below 0"),
        pytest.param((2**31, 10, 10), id="more than a C int holds"),
        pytest.param((700.0, 10, 10), id="a float"),
        pytest.param((True, 10, 10), id="a truth value"),
        pytest.param("700", id="a text of three characters"),
        pytest.param(700, id="one number"),
    ],
)
def test_thresholds_that_cannot_be_are_refused_and_change_nothing(thresholds: Any) -> None:
    with pytest.raises(ValueError, match=r"hooks.tune_gc: found .*, wanted three counts"):
        hooks.tune_gc(thresholds)
    assert gc.get_threshold() == BEFORE


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="found the level 'turbo', wanted one of basic, standard, aggressive"):
        hooks.tune_gc(level="turbo")


def test_undone_everything_is_as_before_the_first_call() -> None:
    hooks.tune_gc((900, 1, 1), freeze=False)
    tuning = hooks.tune_gc((800, 1, 1), freeze=False)
    assert (tuning.undo(), gc.get_threshold()) == (True, BEFORE)
    assert (tuning.undo(), gc.get_threshold()) == (False, BEFORE)
    assert NAME not in hooks.status()["caches"]


def test_what_the_program_sets_itself_is_left_alone() -> None:
    tuning = hooks.tune_gc((900, 1, 1), freeze=False)
    gc.set_threshold(555, 5, 5)
    tuning.tier_changed("emergency")
    tuning.undo()
    assert gc.get_threshold() == (555, 5, 5)


def test_what_is_there_is_frozen_until_it_is_undone() -> None:
    held = gc.get_freeze_count()
    tuning = hooks.tune_gc()
    assert tuning.info()["frozen_objects"] > held + 1000
    tuning.undo()
    assert gc.get_freeze_count() == 0


def test_what_the_program_has_frozen_stays_frozen() -> None:
    gc.freeze()
    try:
        hooks.tune_gc().undo()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


@pytest.mark.parametrize(
    ("asked", "tier", "expected"),
    [
        pytest.param((5000, 10, 10), "critical", STRICT, id="critical is strict"),
        pytest.param((5000, 10, 10), "warning", (5000, 10, 10), id="warning is not"),
        pytest.param((300, 5, 5), "emergency", (300, 5, 5), id="what is stricter already stays"),
        pytest.param((5000, 10, 10), "purple", (5000, 10, 10), id="a tier of a later version is no reason"),
    ],
)
def test_thresholds_follow_the_tier(asked: Any, tier: str, expected: Any) -> None:
    tuning = hooks.tune_gc(asked, freeze=False)
    tuning.tier_changed(tier)
    assert gc.get_threshold() == expected
    tuning.tier_changed("calm")
    assert gc.get_threshold() == asked


def test_only_with_follow_tier_a_tier_changes_the_thresholds(enter: Callable[[str], None]) -> None:
    hooks.tune_gc((5000, 10, 10), freeze=False)
    enter("critical")
    assert gc.get_threshold() == STRICT
    hooks.tune_gc((5000, 10, 10), freeze=False, follow_tier=False)
    enter("emergency")
    assert gc.get_threshold() == (5000, 10, 10)


COUNT = st.integers(1, 100_000)
STEP = st.one_of(st.tuples(COUNT, COUNT, COUNT), st.sampled_from(TIERS), st.just("undo"))


@settings(max_examples=50, deadline=None)
@given(st.lists(STEP, max_size=12))
def test_whatever_happens_in_between_undo_leads_back(steps: list[Any]) -> None:
    tuning = hooks.tune_gc(freeze=False)
    for step in steps:
        if step == "undo":
            tuning.undo()
            assert gc.get_threshold() == BEFORE
        elif isinstance(step, str):
            tuning.tier_changed(step)
        else:
            hooks.tune_gc(step, freeze=False)
            assert gc.get_threshold() == step
    tuning.undo()
    assert gc.get_threshold() == BEFORE


@pytest.mark.live
def test_a_real_program_collects_at_least_30_percent_less_often(program: Callable[..., Any]) -> None:
    old = program(WORK + "gc.set_threshold(700, 10, 10)\nwork()")
    new = program(WORK + "hooks.tune_gc()\nwork()")
    assert sum(new) <= 0.7 * sum(old), (old, new)


@pytest.mark.live
def test_it_follows_the_tier_that_a_real_agent_judges_and_reports_its_figures(program: Callable[..., Any]) -> None:
    code = """
hooks.tune_gc((5000, 10, 10))
hooks.install(thresholds={'critical': 1})
end = time.monotonic() + 20
while gc.get_threshold()[0] != 700 and time.monotonic() < end: time.sleep(0.01)
figures = hooks.status()['caches']['gc-tuning']
say([gc.get_threshold()[0], figures['info']['threshold'], figures['footprint_bytes'] > 0])
hooks.uninstall()
"""
    assert program(code) == [700, 700, True]


@pytest.mark.live
def test_a_forked_child_keeps_the_thresholds_and_can_undo_them(program: Callable[..., Any]) -> None:
    code = """
before = gc.get_threshold()
tuning = hooks.tune_gc((5000, 10, 10))
reader, writer = os.pipe()
if os.fork() == 0:
    tuning.lock.acquire(); tuning.lock.release()
    inherited = list(gc.get_threshold()); tuning.undo()
    os.write(writer, json.dumps([inherited, gc.get_threshold() == before]).encode()); os._exit(0)
os.wait(); say([json.loads(os.read(reader, 999)), gc.get_threshold()[0]])
"""
    assert program(code) == [[[5000, 10, 10], True], 5000]


def test_from_many_threads_at_once_it_ends_as_it_began() -> None:
    tuning = hooks.tune_gc((5000, 10, 10), freeze=False)
    faults: list[Exception] = []

    def shake(number: int) -> None:
        try:
            for _ in range(100):
                hooks.tune_gc((1000 + number, 10, 10), freeze=False)
                tuning.tier_changed(TIERS[number % 4])
                tuning.info()
        except Exception as fault:  # noqa: BLE001 - told below, on the main thread
            faults.append(fault)

    threads = [threading.Thread(target=shake, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    tuning.undo()
    assert (faults, gc.get_threshold()) == ([], BEFORE)
