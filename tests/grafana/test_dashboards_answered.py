"""Does every query of every panel return data, where a real daemon watches real targets and is really scraped?"""

import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.grafana.boards import FILES, Asked, annotation_queries, queries, read, substituted
from tests.grafana.looking import View
from tests.grafana.render import draw
from tests.grafana.scene import Prometheus, Scene, Tools, played

pytestmark = pytest.mark.live

KINDS = {"app": "agent", "pool": "group", "pair": "no agent", "boxed": "container", "host": "the machine"}
FOR_EVERY_KIND = {
    "Tier", "Time to limit", "Headroom", "Of its limit", "Won back", "OOM kills", "Processes", "Tiers over time",
    "Sources",
}  # fmt: skip
NOT_OF_THE_HOST = {"Processes", "Sources"}
AS_GRAFANA = {"job": ".+", "instance": ".+", "member": ".*", "__rate_interval": "10s", "__range": "1m", "window": "4s"}
PATIENCE = 40.0  # seconds


def up_and_down(scene: Scene) -> None:
    """Drive tiers up, so that rungs bring them down; leave one no way down; have one killed."""
    scene.pair[0].say("hold 80")  # deaf: not asked
    scene.boxed.say("hold 120")  # gets a ceiling, and gives all back when it hits that
    for one in scene.pool:
        one.say("hold 90")  # the first rung fails, the next gives back
    scene.app.take(120)
    scene.leak.say("hold 150")  # three quarters of its limit: from there on growth is no start any more
    assert scene.victim.process.stdin is not None
    scene.victim.process.stdin.write("hold 200\n")  # the kernel ends it
    scene.victim.process.stdin.flush()


class Answers:
    """Which queries have had data at some time since the scene began, for which targets."""

    def __init__(self, prometheus: Prometheus) -> None:
        self.prometheus = prometheus
        self.start = time.time()
        fleet, target = (read(path) for path in FILES)
        self.of_fleet = {*queries(fleet), *annotation_queries(fleet)}
        self.of_any = {*queries(target), *annotation_queries(target)}
        self.of_each = {kind: {one for one in queries(target) if one.panel in FOR_EVERY_KIND} for kind in KINDS}
        self.of_each["host"] = {one for one in self.of_each["host"] if one.panel not in NOT_OF_THE_HOST}

    def missing(self) -> list[str]:
        """Those that had none. Each query is asked until it had."""
        self.of_fleet = self._without("", self.of_fleet)
        for target in (*KINDS, "victim"):
            self.of_any = self._without(target, self.of_any)
        self.of_each = {target: self._without(target, asked) for target, asked in self.of_each.items()}
        of_each = [f"{one} of {target}" for target, asked in self.of_each.items() for one in asked]
        return sorted([*map(str, self.of_fleet), *map(str, self.of_any), *of_each])

    def _without(self, target: str, asked: set[Asked]) -> set[Asked]:
        values, now = {**AS_GRAFANA, "target": target}, time.time()
        return {
            one for one in asked if not self.prometheus.history(substituted(one.expr, values), self.start, now, 1.0)
        }


def drawn(scene: Scene, start: float, folder: Path) -> dict[str, tuple[int, int]]:
    """The sizes of the pictures, in pixels."""
    view = View(scene.prometheus, {**AS_GRAFANA, "target": "app"}, start, time.time(), 1.0)
    for path in FILES:
        draw(read(path), view, folder / f"{path.stem}.png")
    return {path.stem: Image.open(folder / f"{path.stem}.png").size for path in FILES}


def test_every_query_returns_data(component: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> None:
    tools = Tools(spawn, wait_until, free_port, tmp_path)
    with played(tools, component("prometheus"), "500ms") as scene:
        seen = scene.prometheus
        wait_until(lambda: len(seen.values("brimwatch_target_tier")) >= len(KINDS), 20)
        answers = Answers(seen)
        up_and_down(scene)
        end = time.monotonic() + PATIENCE
        leaked = 150
        while (missing := answers.missing()) and time.monotonic() < end:
            leaked = min(leaked + 1, 175)
            scene.leak.say(f"hold {leaked}")
            time.sleep(0.5)
        assert missing == []
        assert seen.values('brimwatch_target_tier_transitions_total{target="app", from="calm", to="warning"}')[0] >= 1
        assert seen.values('sum(brimwatch_action_reclaimed_bytes_total{target="app"})')[0] > 50e6
        wait_until(lambda: seen.values('sum(brimwatch_target_oom_kills_total{target="victim"})') == [1.0], 30)
        scene.leak.say("hold 180")
        wait_until(lambda: seen.values('brimwatch_target_tier{target="leak"}') == [2.0], 30)
        scene.leak.say("give")
        wait_until(lambda: seen.values('brimwatch_target_tier{target="leak"}') == [0.0], 30)
        assert {name: width for name, (width, _) in drawn(scene, answers.start, tmp_path).items()} == {
            "fleet": 1584, "target": 1584,
        }  # fmt: skip
