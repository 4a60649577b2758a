"""When are agents spoken to, and what is kept of what they say? With a client that answers what it is told to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.runtime.doubles import POLICY, PROCESS, put_in, rule, story, subject

from brimwatch.agent.fault import AgentFault
from brimwatch.agent.figures import HookFigures, Stats
from brimwatch.config.settings import Config
from brimwatch.model import Action, Limit, Policy, ProcessId, Reading, Reason, Sample, Threshold, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.snapshot import AgentView
from brimwatch.runtime.agent_view import (
    HOOKS_SHOWN,
    INFO_SHOWN,
    Known,
    _dealt,
    asks_hooks,
    left_out,
    own_thresholds,
    shown,
)
from brimwatch.runtime.agents import CADENCE, LONGEST_PAUSE, Agents
from brimwatch.runtime.subject import Watched
from brimwatch.units import Bytes, Seconds

RECLAIM = Action("reclaim", "hook", None, cooperative=True)
ASKING = Policy("asking", (rule(Tier.WARNING, 50), rule(Tier.CRITICAL, 100, RECLAIM)), Seconds(60.0))
GOOD = Stats(42, 5, "calm", 3, 100, (10, 2, 1), (HookFigures("reports", 9, 0.5),))


class Client:
    """Answers `answer`, after `gate` where one is set; remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Stats | Reason = GOOD
        self.gate: Callable[[], Awaitable[object]] | None = None
        self.asked: list[str] = []
        self.told: list[tuple[Tier, float, Any]] = []

    async def stats(self, process: ProcessId, within: Seconds, objects: bool = False) -> Stats:
        self.asked.append("objects" if objects else "stats")
        return await self._say()

    async def tell(self, process: ProcessId, tier: Tier, expires: Seconds, thresholds: Any, within: Seconds) -> None:
        self.told.append((tier, expires, thresholds))
        await self._say()

    async def _say(self) -> Stats:
        if self.gate is not None:
            await self.gate()
        if isinstance(self.answer, Reason):
            raise AgentFault(self.answer, "as it says")
        return self.answer


class Notes:
    """A sampler that takes notes."""

    def __init__(self) -> None:
        self.notes: dict[Quantity, Reading] = {}

    def note(self, quantity: Quantity, reading: Reading, source: str) -> None:
        self.notes[quantity] = reading


class Sockets:
    """Says which processes have an agent."""

    def __init__(self) -> None:
        self.found = frozenset({PROCESS})

    def among(self, find: Any, everyone: Any) -> frozenset[ProcessId]:
        return self.found & set(everyone())


class Scene:
    """One watched process, the agents, and who answers."""

    def __init__(self, policy: Policy = ASKING, dry_run: bool = False) -> None:
        self.subject = subject(policy)
        self.subject.target.subjects[PROCESS] = self.subject
        self.subject.sample = Sample(0.0, {}, Limit(Bytes(1_000_000_000), "cgroup"))
        self.notes = Notes()
        member: Any = type("Member", (), {"identity": PROCESS})
        self.subject.watched[PROCESS] = Watched(member, -1, self.notes)  # type: ignore[arg-type]
        told, self.events = story()
        self.agents = Agents("/proc", told, lambda: iter([self.subject.target]))
        self.sockets, self.client = Sockets(), Client()
        config = Config((), {}, {}, dry_run=dry_run)
        self.agents.configure(config, self.sockets)  # type: ignore[arg-type]
        self.agents._caller = self.client  # type: ignore[assignment]

    async def look(self, now: float) -> None:
        self.agents.look(now)
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def known(self) -> Known:
        return self.agents._known[PROCESS]

    def names(self) -> list[str]:
        return [str(one.event.name) for one in self.events.since()]


def test_figures_are_asked_for_once_a_cadence_and_noted() -> None:
    scene = Scene()

    async def story() -> None:
        await scene.look(1000.0)
        await scene.look(1001.5)
        assert scene.client.asked == ["objects"]
        await scene.look(1000.0 + CADENCE + 1.5)
        assert scene.client.asked == ["objects", "stats"]

    asyncio.run(story())
    assert {quantity: reading.value for quantity, reading in scene.notes.notes.items()} == {
        Quantity.PYTHON_THREADS: 3,
        Quantity.PYTHON_OBJECTS: 100,
    }
    assert scene.agents.view(scene.subject) == AgentView(100, 3, (shown_hook(),))
    assert scene.agents.capable(scene.subject) is True


def shown_hook() -> Any:
    found = shown([known(GOOD)], 0.0, 30.0)
    assert found is not None
    return found.hooks[0]


def known(stats: Stats, at: float = 0.0) -> Known:
    one = Known(PROCESS)
    one.take(stats, at)
    return one


def test_a_change_of_tier_is_told_at_once_with_what_it_may_judge_itself_by() -> None:
    scene = Scene()

    async def story() -> None:
        await scene.look(1000.0)
        put_in(scene.subject, Tier.WARNING, Tier.CRITICAL)
        scene.agents.tier_changed(scene.subject)
        await scene.look(1000.1)

    asyncio.run(story())
    assert scene.client.told == [(Tier.CALM, 30, {Tier.CRITICAL: 100e6}), (Tier.CRITICAL, 6, {Tier.CRITICAL: 100e6})]


@pytest.mark.parametrize(("policy", "dry_run"), [(POLICY, False), (ASKING, True)], ids=["no rung asks", "a dry run"])
def test_no_tier_is_told_where_nothing_would_be_asked(policy: Policy, dry_run: bool) -> None:
    scene = Scene(policy, dry_run)
    asyncio.run(scene.look(1000.0))
    assert (scene.client.told, scene.client.asked) == ([], ["objects"])


def test_an_agent_that_hangs_has_one_question_open_and_holds_nobody_up() -> None:
    scene = Scene()

    async def story() -> None:
        scene.client.gate = asyncio.Event().wait
        for now in range(1000, 1100, 5):
            await scene.look(float(now))
        assert len(scene.client.told) == 1
        await scene.agents.close()

    asyncio.run(story())


def test_one_that_fails_is_asked_ever_more_rarely_and_that_is_told_once() -> None:
    scene = Scene()
    pauses = []

    async def story() -> None:
        scene.client.answer = Reason.BUSY
        now = 1000.0
        for _ in range(8):
            scene.known.due = 0.0
            asked = asyncio.get_running_loop().time()
            await scene.look(now)
            pauses.append(scene.known.due - asked)
            now += 100.0
        assert scene.agents.capable(scene.subject) is False
        scene.client.answer, scene.known.due = GOOD, 0.0
        await scene.look(now)

    scene.agents._known[PROCESS] = Known(PROCESS)
    asyncio.run(story())
    assert [round(pause) for pause in pauses] == [4, 8, 16, 32, 60, 60, 60, LONGEST_PAUSE]
    assert scene.names() == ["collector_blind", "collector_recovered"]


def test_what_has_no_agent_any_more_is_forgotten() -> None:
    scene = Scene()

    async def story() -> None:
        await scene.look(1000.0)
        scene.sockets.found = frozenset()
        await scene.look(1002.0)

    asyncio.run(story())
    assert scene.agents.view(scene.subject) is None
    assert scene.agents.capable(scene.subject) is None


def test_collections_grow_by_what_was_added_and_begin_anew_after_an_exec() -> None:
    one = Known(PROCESS)
    grown = [one.take(replace_collections(counts), 0.0) for counts in [(10, 2, 1), (15, 2, 1), (3, 0, 0), ()]]
    assert grown == [(10, 2, 1), (5, 0, 0), (3, 0, 0), ()]


def replace_collections(counts: tuple[int, ...]) -> Stats:
    return GOOD._replace(collections=counts)


def test_figures_of_a_group_are_sums_and_means_and_gone_when_stale() -> None:
    other = GOOD._replace(objects=50, hooks=(HookFigures("reports", 1, 0.0), HookFigures("rest", 100)))
    view = shown([known(GOOD, 100.0), known(other, 100.0)], 110.0, 30.0)
    assert view is not None
    assert (view.objects, view.threads) == (150, 6)
    assert [(hook.name, hook.footprint, hook.hit_ratio) for hook in view.hooks] == [
        ("rest", 100, None),
        ("reports", 10, 0.25),
    ]
    assert shown([known(GOOD, 100.0)], 131.0, 30.0) is None


def test_of_many_hooks_few_are_shown_the_largest_first() -> None:
    hooks = tuple(HookFigures(f"h{number}", number, None, (("a", 1.0), ("b", 2.0))) for number in range(40))
    view = shown([known(GOOD._replace(hooks=hooks))], 0.0, 30.0)
    assert view is not None
    assert [hook.footprint for hook in view.hooks] == list(range(39, 39 - HOOKS_SHOWN, -1))
    assert sum(len(hook.info) for hook in view.hooks) == INFO_SHOWN
    assert left_out(GOOD._replace(hooks=hooks, left_out=3)) == 35


@pytest.mark.parametrize(
    ("grouped", "threshold", "expected"),
    [
        pytest.param(False, Threshold(Quantity.RSS, 5e8), {Tier.CRITICAL: 5e8}, id="a size"),
        pytest.param(False, Threshold(Quantity.RSS, 0.7, True), {Tier.CRITICAL: 7e8}, id="a share of the limit"),
        pytest.param(False, Threshold(Quantity.WORKING_SET, 0.7, True), {Tier.CRITICAL: 7e8}, id="its cgroup's"),
        pytest.param(False, Threshold(Quantity.VMS, 5e8), {}, id="address space says nothing"),
        pytest.param(True, Threshold(Quantity.RSS, 5e8), None, id="a sum is nobody's own"),
    ],
)
def test_by_what_a_process_may_judge_itself(grouped: bool, threshold: Threshold, expected: Any) -> None:
    scene = Scene()
    one = rule(Tier.CRITICAL, 1, RECLAIM)
    policy = replace(ASKING, tiers=(replace(one, when=one.when._replace(thresholds=(threshold,))),))
    scene.subject.target.spec = replace(scene.subject.target.spec, policy=policy, grouped=grouped)
    assert own_thresholds(scene.subject) == expected
    assert asks_hooks(policy)


@pytest.mark.parametrize(
    ("wanted", "dealt"),
    [
        pytest.param([8, 8], [6, 6], id="two that want much have the same"),
        pytest.param([8, 2, 8], [5, 2, 5], id="what one leaves is dealt to the others"),
        pytest.param([3, 0, 2], [3, 0, 2], id="nobody has more than it wants"),
        pytest.param([], [], id="nobody wants anything"),
    ],
)
def test_figures_are_dealt_in_turn(wanted: list[int], dealt: list[int]) -> None:
    assert _dealt(wanted, 12) == dealt
