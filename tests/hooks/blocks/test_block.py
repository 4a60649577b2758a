"""Does every block have a name of its own, hear of the tier, and go when the program drops it?"""

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.speaking import Target

from brimwatch import hooks
from brimwatch.hooks.block import enrol, is_enrolled, leave
from brimwatch.hooks.following import FOLLOWING, tier
from brimwatch.hooks.forking import Forking
from brimwatch.hooks.registry import MOST_HOOKS, MOST_SUBSCRIBERS


class Block:
    """The least block that follows the tier."""

    def __init__(self, name: str = "block") -> None:
        self.name = name
        self.heard: list[str] = []
        enrol(self, name)

    def tier_changed(self, new: str) -> None:
        self.heard.append(new)
        if new == "warning":
            raise RuntimeError("deaf to warnings")


def test_threads_that_make_blocks_at_once_get_a_name_each() -> None:
    made: list[Block] = []
    gate = threading.Barrier(6)

    def make() -> None:
        gate.wait(10)
        made.extend(Block() for _ in range(5))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {block.name for block in made} == {"block", *(f"block-{number}" for number in range(2, 31))}
    assert all(is_enrolled(block) for block in made)


def test_a_number_fits_behind_the_longest_name() -> None:
    blocks = [Block("n" * 64) for _ in range(11)]
    assert (blocks[0].name, blocks[-1].name) == ("n" * 64, "n" * 61 + "-11")


def test_what_took_a_blocks_name_keeps_it_when_the_block_goes(registry: Any) -> None:
    left, dropped = Block("left"), Block("dropped")
    hooks.register("left", function=lambda request: None)
    hooks.register("dropped", function=lambda request: None)
    leave(left)
    del dropped
    gc.collect()
    Block("another")
    assert {"left", "dropped"} <= set(registry.hooks)


def test_a_dropped_block_is_shown_no_more_and_leaves_its_place(registry: Any) -> None:
    blocks = [Block() for _ in range(MOST_HOOKS)]
    assert len(registry.hooks) == MOST_HOOKS
    refused = registry.refused
    hooks.on("warning", name="no-room")(print)
    assert (registry.refused, "no-room" in registry.hooks) == (refused + 1, False)
    blocks.clear()
    gc.collect()
    assert [hook["name"] for hook in hooks.status()["hooks"] if hook["name"].startswith("block")] == []
    hooks.on("warning", name="room")(print)
    assert "room" in registry.hooks


def test_a_block_without_room_for_its_hook_hears_all_the_same(enter: Callable[[str], None]) -> None:
    blocks = [Block() for _ in range(MOST_HOOKS + 1)]
    assert not is_enrolled(blocks[-1])
    enter("critical")
    assert blocks[-1].heard == ["critical"]


def test_a_block_that_is_made_while_a_tier_holds_knows_it(enter: Callable[[str], None]) -> None:
    enter("emergency")
    assert (Block().heard, tier()) == (["emergency"], "emergency")
    cache = hooks.PriorityCache({"critical": 9000, "general": 9000}, emergency_bytes=5000)
    cache.set("key", 1, "general")
    assert cache.stats()["classes"]["emergency"]["entries"] == 1


def test_one_that_raises_is_counted_and_the_next_hears(registry: Any, enter: Callable[[str], None]) -> None:
    first, second = Block(), Block()
    before = registry.deaf
    enter("warning")
    assert (first.heard, second.heard, registry.deaf - before) == (["warning"], ["warning"], 2)
    assert hooks.status()["stats"]["faults"]["subscribers"] == registry.deaf


def test_a_subscriber_too_many_is_counted_and_blocks_hear_all_the_same(registry: Any) -> None:
    registry.subscribers = ()
    refused = registry.subscribers_refused
    for _ in range(MOST_SUBSCRIBERS + 3):
        hooks.on_tier(lambda _tier: None)
    block = Block()
    assert (len(registry.subscribers), registry.subscribers[-1]) == (MOST_SUBSCRIBERS + 1, FOLLOWING.tell)
    assert block in FOLLOWING.blocks
    assert hooks.status()["stats"]["subscribers_refused"] == refused + 3


def test_what_a_collection_ends_may_forget_a_hook_while_one_is_added(registry: Any) -> None:
    hooks.on("warning", name="going")(print)
    with registry.lock:
        assert hooks.off("going")


def test_threads_that_are_first_at_once_mind_forks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("os.register_at_fork", lambda **given: calls.append(given))
    forking, gate = Forking(), threading.Barrier(4)
    threads = [threading.Thread(target=lambda: (gate.wait(10), forking.mind(gate))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(calls) == 1


def by_default(path: Any) -> dict[str, Any]:
    """What each block has taken from the settings."""
    cache, batcher = hooks.PriorityCache(), hooks.AdaptiveBatcher()
    with hooks.VectorStore(f"{path}/v") as store:
        dimensions = store._target
    return {
        "cache_max_size_mb": cache.stats()["budget_bytes"],
        "cleanup_threshold_mb": round(cache._stock._sweep_at),
        "streaming_batch_size": batcher._size,
        "target_dimensions": dimensions,
    }


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("cache_max_size_mb", 16, 2_000_000),
        ("cleanup_threshold_mb", 4, 500_000),
        ("streaming_batch_size", 7, 7),
        ("target_dimensions", 99, 99),
    ],
)
def test_every_setting_is_the_default_of_a_block(setting: str, value: int, expected: int, tmp_path: Any) -> None:
    try:
        before = by_default(tmp_path)
        hooks.configure(**{setting: value})
        after = by_default(tmp_path)
    finally:
        hooks.configure(level="standard")
    assert after[setting] == expected
    assert before[setting] != expected


@pytest.mark.live
def test_thresholds_given_later_wake_an_agent_and_its_end_is_calm(start: Callable[..., Target]) -> None:
    code = """
from brimwatch.hooks import agent
agent.PLACE_EVERY = 3600.0  # by itself it would look in an hour
heard = []
changed = threading.Event()
@hooks.on_tier
def follow(tier):
    heard.append(tier); changed.set()
hooks.install()
def wait():
    changed.wait(20); changed.clear(); return heard[-1] if heard else None
"""
    target = start(code, install="")
    target.address()
    assert target.run("time.sleep(0.5); print(hooks.status()['tier'])") == "calm"  # the agent is at rest by now
    target.send("hooks.install(thresholds={'emergency': 1})")
    assert target.run("print(wait())") == "emergency"
    target.send("hooks.uninstall()")
    assert target.run("print(wait(), hooks.status()['tier'])") == "calm calm"
