"""Is what buys no time taken back before its end, told, counted, and not made again in the same entry of its tier?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.runtime.keeping import OURS, Scene

from brimwatch.act.refused import Refused
from brimwatch.model import Reading, Reason, Sample, Tier
from brimwatch.quantity import Quantity

MB = 1_000_000


def run(folder: Path, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def whole() -> None:
        scene = Scene(folder)
        scene.keeper.configure(scene.config())
        scene.keeper._story._metrics.declare("shop", [])
        await story(scene)
        await scene.keeper.close()

    asyncio.run(whole())


def look(scene: Scene, start: float, end: float, first: float, rate: float) -> None:
    """Looks each 50 ms from `start` to `end`, seconds from now, at something that grows by `rate` MB/s."""
    now, count = time.monotonic(), round((end - start) / 0.05)
    for step in range(count + 1):
        at = now + start + step * 0.05
        scene.subject.history.add(Sample(at, {Quantity.RSS: Reading(first + rate * MB * step * 0.05, at)}))


def undone(scene: Scene) -> dict[str, float]:
    families = [
        one for one in scene.keeper._story._metrics.registry.collect() if one.name == "brimwatch_actions_undone"
    ]
    return {sample.labels["reason"]: sample.value for family in families for sample in family.samples}


def test_a_brake_that_slows_nothing_ends_and_is_not_set_again_before_the_tier_is_entered_anew(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        look(scene, -1.5, 0.0, OURS - 75 * MB, 50)
        await scene.brake()
        look(scene, 0.1, 1.4, OURS, 50)
        scene.keeper.sweep(time.monotonic())
        await scene.undone("no_effect")
        (told,) = scene.told("action_undone")
        assert told["detail"] == "memory.high is max again; growth 50.0 MB/s before, 50.0 MB/s under it"
        assert undone(scene) == {"no_effect": 1}

        with pytest.raises(Refused) as refused:
            await scene.brake()
        assert refused.value.reason is Reason.NO_EFFECT
        assert "growth 50.0 MB/s before" in refused.value.detail

        scene.tier(Tier.EMERGENCY)
        scene.keeper.changed(scene.subject)
        with pytest.raises(Refused):
            await scene.brake()
        scene.tier(Tier.WARNING)
        scene.keeper.changed(scene.subject)
        scene.tier(Tier.CRITICAL)
        scene.keeper.changed(scene.subject)
        await scene.brake()
        assert scene.keeper.in_force == 1

    run(tmp_path, story)


def test_a_brake_that_slows_growth_stays_and_its_end_says_by_how_much(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        look(scene, -1.5, 0.0, OURS - 75 * MB, 50)
        await scene.brake()
        look(scene, 0.1, 1.4, OURS, 5)
        scene.keeper.sweep(time.monotonic())
        assert scene.keeper.in_force == 1
        scene.tier(Tier.WARNING)
        scene.keeper.changed(scene.subject)
        await scene.undone("recovered")
        (told,) = scene.told("action_undone")
        assert told["detail"].endswith("; growth 50.0 MB/s before, 5.0 MB/s under it")
        assert undone(scene) == {"recovered": 1}

    run(tmp_path, story)


@pytest.mark.parametrize("end", ["reload", "loss"])
def test_who_was_of_no_use_is_forgotten_with_its_reason_to_be_known(tmp_path: Path, end: str) -> None:
    async def story(scene: Scene) -> None:
        look(scene, -1.5, 0.0, OURS - 75 * MB, 50)
        await scene.brake()
        look(scene, 0.1, 1.4, OURS, 50)
        scene.keeper.sweep(time.monotonic())
        await scene.undone("no_effect")
        if end == "reload":
            scene.keeper.configure(scene.config())
        else:
            scene.keeper.lost(scene.subject)
        await scene.brake()
        assert scene.keeper.in_force == 1

    run(tmp_path, story)
