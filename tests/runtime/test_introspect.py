"""Do looks inside stay within their budget, and is what they bring, or do not bring, told as it is?"""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from brimwatch.inspect.found import Arenas, Census, Interpreter, Missing, Pools, Want
from brimwatch.inspect.wire import Answer
from brimwatch.model import ProcessId, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Level, Name
from brimwatch.record.events import EventLog
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime.introspect import COLLECTOR, Introspection
from brimwatch.runtime.introspect_worker import Done
from brimwatch.runtime.story import Story
from brimwatch.sample.noted import Noted
from brimwatch.units import Bytes, Seconds

PYTHON = Interpreter((3, 11, 7), False, "/usr/bin/python3", 1, 1, 1, 7, 1)
POOLS = Pools(1000, Bytes(30 << 20), Bytes(40 << 20), 2560, 0, 0, True)
ARENAS = Arenas(1, Bytes(50 << 20), Bytes(20 << 20), Bytes(12 << 20), 9, True, Bytes(40 << 20), Bytes(10 << 20))
DENIED = (
    "permission denied: it takes the same user without more capabilities on its side, or CAP_SYS_PTRACE,"
    " and CAP_DAC_READ_SEARCH where the user is another"
)


class FakeWorker:
    """Takes a question, and answers it when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[ProcessId, frozenset[Want]]] = []
        self.done: Done | None = None
        self.closed = False

    def ready(self, now: float) -> bool:
        return self.done is None

    def ask(self, process: ProcessId, wants: frozenset[Want], most: Seconds, done: Done) -> None:
        self.asked.append((process, wants))
        self.done = done

    def answer(self, cost: float = 0.01, **found: Any) -> None:
        process = self.asked[-1][0]
        done, self.done = self.done, None
        assert done is not None
        done(Answer(process, Seconds(cost), Census(process, **found)), Seconds(cost))

    def fail(self, cost: float = 0.01) -> None:
        done, self.done = self.done, None
        assert done is not None
        done(None, Seconds(cost))

    def tick(self, now: float) -> None:
        return

    def close(self) -> None:
        self.closed = True


class Sampler:
    def __init__(self) -> None:
        self.noted = Noted()
        self.last = None

    def note(self, quantity: Quantity, reading: Any, source: str = "") -> None:
        self.noted.note(quantity, reading, source)

    @property
    def reasons(self) -> dict[str, str]:
        return self.noted.blind

    def values(self) -> dict[Quantity, float]:
        return {quantity: reading.value for quantity, reading in self.noted.readings.items()}


def target(*pids: int, wanted: tuple[Quantity, ...] = (), grouped: bool = False, name: str = "app") -> Any:
    target = SimpleNamespace(name=name, wanted=frozenset(wanted), spec=SimpleNamespace(grouped=grouped), subjects={})
    for pid in pids:
        process = ProcessId(pid, 1)
        watched = SimpleNamespace(sampler=Sampler())
        subject = SimpleNamespace(target=target, tier=Tier.CALM, watched={process: watched})
        target.subjects[process] = subject
    return target


def sampler_of(target: Any, pid: int) -> Sampler:
    process = ProcessId(pid, 1)
    return target.subjects[process].watched[process].sampler  # type: ignore[no-any-return]


class Scene:
    """The conductor with a worker of ours, and a clock that the test sets forward."""

    def __init__(self, budget: float) -> None:
        self.events = EventLog()
        story = Story(Metrics(process=False), self.events, Log(Format.LOGFMT, Level.ERROR))
        self.now = 1000.0
        self.looks = Introspection("/proc", story, asyncio.get_running_loop(), budget, clock=lambda: self.now)
        self.worker: Any = FakeWorker()
        self.looks.worker = self.worker

    def pass_time(self, seconds: float, *targets: Any) -> None:
        for _ in range(max(1, round(seconds))):
            self.now += 1
            self.looks.tick(self.now, targets)

    def told(self, name: Name) -> list[Any]:
        return [kept.event for kept in self.events.since(limit=100) if kept.event.name is name]


def play(test: Callable[[Scene], Awaitable[None] | None], budget: float = 0.005) -> None:
    async def whole() -> None:
        test(Scene(budget))

    asyncio.run(whole())


def test_what_a_look_brings_joins_the_samples() -> None:
    def test(scene: Scene) -> None:
        app = target(7, wanted=(Quantity.PYTHON_OBJECTS,))
        scene.pass_time(1, app)
        assert scene.worker.asked == [
            (ProcessId(7, 1), {Want.THREADS, Want.POOLS, Want.ARENAS, Want.OBJECTS}),
        ]
        scene.worker.answer(0.25, python=PYTHON, pools=POOLS, arenas=ARENAS, objects=81234)
        sampler = sampler_of(app, 7)
        assert sampler.values() == {
            Quantity.PYTHON_THREADS: 7, Quantity.PYTHON_BLOCKS: 1000, Quantity.PYTHON_OBJECTS: 81234,
            Quantity.PYMALLOC_HELD: 40 << 20, Quantity.PYMALLOC_USED: 30 << 20, Quantity.GLIBC_HELD: 40 << 20,
            Quantity.GLIBC_USED: 30 << 20, Quantity.TRIMMABLE: 12 << 20, Quantity.FRAGMENTATION: 0.25,
            Quantity.INTROSPECTION_COMPLETE: 1.0,
        }  # fmt: skip
        assert sampler.noted.sources[Quantity.PYTHON_OBJECTS] == "walk"
        assert (scene.looks.cpu, sampler.noted.blind) == (0.25, {COLLECTOR: ""})

    play(test)


def test_a_look_that_costs_much_is_waited_off() -> None:
    def test(scene: Scene) -> None:
        one, two = target(7), target(8, name="other")
        scene.pass_time(1, one, two)
        scene.worker.answer(1.5, python=PYTHON, pools=POOLS)
        scene.pass_time(90, one, two)
        assert len(scene.worker.asked) == 1  # 0.5 s of debt at 0.5 % of a core
        scene.pass_time(20, one, two)
        assert [process.pid for process, _ in scene.worker.asked] == [7, 8]

    play(test)


def test_the_budget_is_kept_over_an_hour_however_many_there_are() -> None:
    def test(scene: Scene) -> None:
        targets = [target(pid, wanted=(Quantity.PYTHON_OBJECTS,), name=f"t{pid}") for pid in range(20)]
        for _ in range(3600):
            scene.pass_time(1, *targets)
            while scene.worker.done is not None:
                scene.worker.answer(0.2, python=PYTHON, pools=POOLS, arenas=ARENAS, objects=5, objects_cpu=0.1)
        assert scene.looks.cpu <= 3600 * 0.005 + 1.0 + 0.2
        asked = [process.pid for process, _ in scene.worker.asked]
        turns = [asked.count(pid) for pid in range(20)]
        assert min(turns) >= 2
        assert max(turns) <= min(turns) + 2

    play(test)


def test_without_a_budget_nothing_is_asked_and_what_was_known_goes() -> None:
    def test(scene: Scene) -> None:
        app = target(7)
        scene.pass_time(1, app)
        scene.worker.answer(python=PYTHON, pools=POOLS)
        scene.looks.configure(0.0)
        assert (sampler_of(app, 7).values(), sampler_of(app, 7).noted.blind) == ({}, {})
        scene.pass_time(300, app)
        assert (len(scene.worker.asked), scene.worker.closed) == (1, True)

    play(test)


def test_who_may_not_be_looked_into_is_told_once_and_when_that_ends() -> None:
    def test(scene: Scene) -> None:
        app = target(7, 8)
        scene.pass_time(1, app)
        for _ in range(2):
            scene.worker.answer(denied=True, missing=(Missing("mappings", DENIED),))
        assert (sampler_of(app, 7).values(), sampler_of(app, 7).noted.blind) == ({}, {COLLECTOR: DENIED})
        (event,) = scene.told(Name.COLLECTOR_BLIND)
        assert (event.target, event.facts["collector"]) == ("app", "introspection")
        scene.pass_time(310, app)
        for _ in range(2):
            scene.worker.answer(python=PYTHON, pools=POOLS)
        assert len(scene.told(Name.COLLECTOR_RECOVERED)) == 1

    play(test)


@pytest.mark.parametrize("wanted", [(), (Quantity.PYTHON_BLOCKS,)], ids=["nobody asked", "a tier asked"])
def test_what_a_build_has_not_is_told_where_a_tier_names_it(wanted: tuple[Quantity, ...]) -> None:
    def test(scene: Scene) -> None:
        app = target(7, wanted=wanted)
        scene.pass_time(1, app)
        reason = "it has no pools: PYTHONMALLOC=malloc, or a build without pymalloc"
        scene.worker.answer(python=PYTHON, arenas=ARENAS, missing=(Missing("pools", reason),))
        assert len(scene.told(Name.COLLECTOR_BLIND)) == len(wanted)
        assert Quantity.PYTHON_BLOCKS not in sampler_of(app, 7).values()

    play(test)


def test_a_walk_that_failed_leaves_the_last_number_until_it_is_old() -> None:
    def test(scene: Scene) -> None:
        app = target(7, wanted=(Quantity.PYTHON_OBJECTS,))
        scene.pass_time(1, app)
        scene.worker.answer(python=PYTHON, objects=100)
        scene.pass_time(31, app)
        for _ in range(300):
            if scene.worker.done is not None:
                scene.worker.answer(python=PYTHON)
            if scene.now < 1000 + 85:
                assert sampler_of(app, 7).values()[Quantity.PYTHON_OBJECTS] == 100
            scene.pass_time(1, app)
        assert Quantity.PYTHON_OBJECTS not in sampler_of(app, 7).values()

    play(test)


def test_in_a_group_what_runs_no_python_has_no_objects_and_says_so() -> None:
    def test(scene: Scene) -> None:
        app = target(7, wanted=(Quantity.PYTHON_OBJECTS,), grouped=True)
        scene.pass_time(1, app)
        scene.worker.answer(arenas=ARENAS)
        for _ in range(200):  # the allocators alone are looked at from now on, and the zeros stay fresh
            scene.pass_time(1, app)
            if scene.worker.done is not None:
                assert scene.worker.asked[-1][1] == {Want.ARENAS, Want.THREADS}
                scene.worker.answer(arenas=ARENAS)
            assert sampler_of(app, 7).values()[Quantity.PYTHON_OBJECTS] == 0

    play(test)


def test_the_agent_s_own_count_goes_before_ours() -> None:
    noted = Noted()
    reading: Any = SimpleNamespace
    noted.note(Quantity.PYTHON_OBJECTS, reading(value=5, at=10.0, cadence=10.0), "agent")
    noted.note(Quantity.PYTHON_OBJECTS, reading(value=6, at=20.0, cadence=30.0), "walk")
    assert (noted.readings[Quantity.PYTHON_OBJECTS].value, noted.sources[Quantity.PYTHON_OBJECTS]) == (5, "agent")
    noted.note(Quantity.PYTHON_OBJECTS, reading(value=7, at=41.0, cadence=30.0), "walk")
    assert (noted.readings[Quantity.PYTHON_OBJECTS].value, noted.sources[Quantity.PYTHON_OBJECTS]) == (7, "walk")


def test_a_worker_that_gives_no_answer_publishes_nothing_and_is_asked_later() -> None:
    def test(scene: Scene) -> None:
        app = target(7)
        scene.pass_time(1, app)
        scene.worker.fail(0.3)
        assert (sampler_of(app, 7).values(), scene.looks.cpu) == ({}, 0.3)
        scene.pass_time(5, app)
        assert len(scene.worker.asked) == 1
        scene.pass_time(10, app)
        assert len(scene.worker.asked) == 2

    play(test)


def test_who_left_meanwhile_gets_no_values() -> None:
    def test(scene: Scene) -> None:
        app = target(7)
        scene.pass_time(1, app)
        scene.pass_time(1)
        scene.worker.answer(python=PYTHON, pools=POOLS)
        assert sampler_of(app, 7).values() == {}

    play(test)
