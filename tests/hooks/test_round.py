"""In which order do hooks of a round run, and when does it end? The resident set is a number of the test's own."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from brimwatch.hooks import request as request_module
from brimwatch.hooks import round as round_module
from brimwatch.hooks.errand import Errand, MainThread
from brimwatch.hooks.registry import TRIM, Hook
from brimwatch.hooks.request import Request
from brimwatch.hooks.round import Round, Turn


class Memory:
    def __init__(self) -> None:
        self.rss = 1000

    def frees(self, count: int, claims: int | None = None) -> Callable[[Request], int | None]:
        def free(_: Request) -> int | None:
            self.rss -= count
            return claims

        return free


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    found = Memory()
    for module in (request_module, round_module):
        monkeypatch.setattr(module, "rss", lambda: found.rss)
    return found


def run(hooks: list[Hook], tier: str = "critical", needed: int | None = None, seconds: float = 10.0) -> dict[str, Any]:
    made = Round(hooks, Request(tier, seconds, needed), "agent", MainThread())
    turn = Turn()
    assert turn.take(made)
    made.run(turn)
    assert turn.take(made), "the turn was not given back"
    return made.account()


def ends(account: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(hook["name"], hook["outcome"], hook["reason"]) for hook in account["hooks"]]


def test_what_came_back_is_measured_beside_what_is_claimed(memory: Memory) -> None:
    account = run([Hook("a", "warning", memory.frees(300, 500)), Hook("b", "warning", memory.frees(-50))])
    assert (account["reclaimed_bytes"], account["claimed_bytes"], account["complete"]) == (250, 500, True)
    assert [(hook["measured_bytes"], hook["claimed_bytes"]) for hook in account["hooks"]] == [(300, 500), (-50, None)]


def test_a_round_ends_when_enough_has_come_back(memory: Memory) -> None:
    hooks = [Hook(name, "warning", memory.frees(300)) for name in "abc"]
    assert ends(run(hooks, needed=600)) == [("a", "ran", None), ("b", "ran", None), ("c", "suppressed", "cured")]


def test_in_an_emergency_everything_runs(memory: Memory) -> None:
    hooks = [Hook(name, "warning", memory.frees(300)) for name in "abc"]
    assert {outcome for _, outcome, _ in ends(run(hooks, "emergency", needed=1))} == {"ran"}


def test_when_the_claims_are_enough_the_allocator_is_trimmed_before_more_is_lost(memory: Memory) -> None:
    hooks = [
        Hook("cheap", "warning", memory.frees(0, 400)),
        Hook("dear", "warning", memory.frees(0, 400)),
        Hook("trim", "warning", memory.frees(400), TRIM),
    ]
    assert ends(run(hooks, needed=400)) == [
        ("cheap", "ran", None),
        ("trim", "ran", None),
        ("dear", "suppressed", "cured"),
    ]


def test_what_has_no_time_left_is_a_deadline(memory: Memory) -> None:
    def slow(request: Request) -> None:
        while request.seconds_left():
            time.sleep(0.001)

    hooks = [Hook("slow", "warning", slow), Hook("next", "warning", memory.frees(1))]
    assert ends(run(hooks, seconds=0.02)) == [("slow", "failed", "deadline"), ("next", "failed", "deadline")]


def test_counts_stay_with_the_hook(memory: Memory) -> None:
    def bad(_: Request) -> None:
        raise OSError

    good, failing = Hook("good", "warning", memory.frees(0, 7)), Hook("bad", "warning", bad)
    for _ in range(3):
        run([good, failing])
    assert (good.runs, good.failures, good.claimed_bytes, failing.failures) == (3, 0, 21, 3)
    assert failing.last is not None
    assert failing.last["detail"] == "OSError: "


def test_without_proc_nothing_is_measured_and_everything_runs(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (request_module, round_module):
        monkeypatch.setattr(module, "rss", lambda: None)
    account = run([Hook("a", "warning", lambda request: None)], needed=5)
    assert (account["reclaimed_bytes"], ends(account)) == (None, [("a", "ran", None)])


def test_ctrl_c_in_a_round_on_the_main_thread_goes_on_to_the_program() -> None:
    def interrupted(_: Request) -> None:
        raise KeyboardInterrupt

    made = Round([Hook("a", "warning", interrupted)], Request("warning", 10.0), "agent", MainThread())
    turn = Turn()
    assert turn.take(made)
    with pytest.raises(KeyboardInterrupt):
        made.run(turn)
    assert ends(made.account()) == [("a", "failed", "error")]
    assert turn.take(made)


def test_an_errand_that_was_called_back_never_runs() -> None:
    ran: list[int] = []
    errand = Errand(lambda request: ran.append(1), Request("warning", 10.0))
    assert errand.wait(0.0).reason == "deadline"
    errand.run()
    assert ran == []


def test_an_errand_that_ended_tells_at_once_and_one_that_runs_tells_at_its_end() -> None:
    told: list[str] = []
    errand = Errand(lambda request: told.append("ran"), Request("warning", 10.0))
    errand.when_done(lambda: told.append("then"))
    errand.run()
    errand.when_done(lambda: told.append("now"))
    assert told == ["ran", "then", "now"]


def test_a_hook_whose_end_cannot_be_noted_keeps_the_next_one_from_nothing(memory: Memory) -> None:
    hooks = [Hook("a", "warning", lambda _: 1), Hook("b", "warning", memory.frees(300))]
    made = Round(hooks, Request("critical", 10.0), "agent", MainThread())
    note = made._note

    def starve(hook: Hook, *rest: Any) -> None:
        if hook.name == "a":
            raise MemoryError
        note(hook, *rest)

    made._note = starve  # type: ignore[method-assign]
    turn = Turn()
    assert turn.take(made)
    made.run(turn)
    assert turn.take(made), "the turn was not given back"
    account = made.account()
    assert sorted(ends(account)) == [("a", "failed", "error"), ("b", "ran", None)]
    assert account["reclaimed_bytes"] == 300


def test_a_size_that_cannot_be_read_for_lack_of_memory_ends_the_round_all_the_same(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Round([], Request("critical", 10.0), "agent", MainThread())

    def starve() -> int:
        raise MemoryError

    monkeypatch.setattr(round_module, "rss", starve)
    turn = Turn()
    assert turn.take(made)
    with pytest.raises(MemoryError):
        made.run(turn)
    assert made.done
    assert turn.take(made), "the turn was not given back"
