"""What becomes of a rung that asks hooks? One outcome, whatever the agents answer."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.act.processes import request_for

from brimwatch.act.call_agent import Hooks, describe, longest, run
from brimwatch.act.request import Recipient
from brimwatch.agent.fault import AgentFault
from brimwatch.agent.figures import HookOutcome, Reclaimed
from brimwatch.model import Attempt, ProcessId, Reason, Tier, Verdict

ALL = Hooks()
RAN = HookOutcome("reports", "ran", None, 500)


class Agents:
    """Answers by PID; remembers what was asked."""

    def __init__(self, *answers: Reclaimed | Reason) -> None:
        self.answers = answers
        self.asked: list[Any] = []
        self.open = self.most_open = 0

    async def reclaim(self, process: ProcessId, ask: Any) -> Reclaimed:
        self.asked.append(ask)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        found = self.answers[process.pid - 1]
        if isinstance(found, Reason):
            raise AgentFault(found, "as it says")
        return found


def attempt(agents: Agents, options: Hooks = ALL, procfs: str = "/nowhere", **more: Any) -> Attempt:
    recipients = [Recipient(ProcessId(pid + 1, 1), -1) for pid in range(len(agents.answers))]
    request = request_for(options, recipients, "hook", procfs=procfs, needed=more.pop("needed", None))
    return asyncio.run(run(replace(request, agents=agents, **more)))


def reply(*hooks: HookOutcome, **more: Any) -> Reclaimed:
    return Reclaimed(hooks, **more)


@pytest.mark.parametrize(
    ("answers", "verdict", "reason", "claimed", "detail"),
    [
        pytest.param([reply(RAN)], Verdict.RUN, None, 500, "1: reports (500 B claimed)", id="a hook ran"),
        pytest.param([reply()], Verdict.RUN, None, None, "names no hook", id="an agent that names no hook"),
        pytest.param([reply(claimed=7)], Verdict.RUN, None, 7, "names no hook", id="a claim for the whole"),
        pytest.param(
            [reply(RAN, complete=False)], Verdict.RUN, None, 500, "(some still run)", id="a hook that does not end"
        ),
        pytest.param(
            [reply(RAN, HookOutcome("gc", "suppressed", Reason.WOULD_UNSHARE))],
            Verdict.RUN, None, 500, "reports (500 B claimed), gc would_unshare", id="one ran, one did not",
        ),
        pytest.param(
            [reply(HookOutcome("gc", "suppressed", Reason.WOULD_UNSHARE))],
            Verdict.SUPPRESSED, Reason.WOULD_UNSHARE, None, "1: gc would_unshare", id="none ran",
        ),
        pytest.param(
            [reply(HookOutcome("gc", "suppressed", Reason.CURED), HookOutcome("a", "failed", Reason.ERROR))],
            Verdict.FAILED, Reason.ERROR, None, "1: gc cured, a error", id="one failed and none ran",
        ),
        pytest.param(
            [reply(HookOutcome("x", "suppressed", Reason.NOT_FOUND))],
            Verdict.SUPPRESSED, Reason.NOT_FOUND, None, "1: x not_found", id="a hook that it does not know",
        ),
        pytest.param([Reason.NO_AGENT], Verdict.SUPPRESSED, Reason.NO_AGENT, None, "1: as it says", id="no agent"),
        pytest.param([Reason.BUSY], Verdict.SUPPRESSED, Reason.BUSY, None, "1: as it says", id="another daemon's"),
        pytest.param([Reason.DENIED], Verdict.FAILED, Reason.DENIED, None, "1: as it says", id="not the process"),
        pytest.param([Reason.DEADLINE], Verdict.FAILED, Reason.DEADLINE, None, "1: as it says", id="no answer in time"),
        pytest.param([Reason.ERROR], Verdict.FAILED, Reason.ERROR, None, "1: as it says", id="nonsense"),
        pytest.param(
            [Reason.ERROR, reply(RAN), reply(RAN)],
            Verdict.RUN, None, 1000, "2: reports (500 B claimed); 3: reports (500 B claimed); 1: as it says",
            id="one of three talks nonsense",
        ),
        pytest.param([], Verdict.SUPPRESSED, Reason.VANISHED, None, "no process", id="nobody to ask"),
    ],
)  # fmt: skip
def test_what_an_attempt_is(
    answers: Sequence[Reclaimed | Reason], verdict: Verdict, reason: Reason | None, claimed: int | None, detail: str
) -> None:
    found = attempt(Agents(*answers))
    assert (found.verdict, found.reason, found.claimed) == (verdict, reason, claimed)
    assert detail in found.detail
    assert found.settled


def test_what_is_sent_along() -> None:
    agents = Agents(reply(RAN))
    attempt(agents, Hooks(("reports",)), needed=700, exceeded=1.2, because="rss 5 MB >= 4 MB")
    (ask,) = agents.asked
    assert ask[:1] + ask[2:] == (Tier.CRITICAL, ("reports",), 700, 1.2, "rss 5 MB >= 4 MB")
    assert 0 < ask.deadline <= 5


def test_members_take_turns_and_in_an_emergency_they_do_not() -> None:
    turns, together, two = (Agents(*[reply(RAN)] * 12) for _ in range(3))
    attempt(turns)
    attempt(together, tier=Tier.EMERGENCY)
    attempt(two, parallel=2)
    assert [one.most_open for one in (turns, together, two)] == [1, 8, 2]
    assert [len(one.asked) for one in (turns, together, two)] == [12, 12, 12]


def test_enough_is_enough_by_our_own_measurement(tmp_path: Any) -> None:
    sizes = {pid: iter([1000, 900]) for pid in (1, 2, 3)}
    page = os.sysconf("SC_PAGE_SIZE")

    class Falling(Agents):
        async def reclaim(self, process: ProcessId, ask: Any) -> Reclaimed:
            found = await super().reclaim(process, ask)
            self.show(process.pid)
            return found

        def show(self, pid: int) -> None:
            (tmp_path / str(pid)).mkdir(exist_ok=True)
            (tmp_path / str(pid) / "statm").write_text(f"2000 {next(sizes[pid])} 0 0 0 0 0\n")

    agents = Falling(*[reply(HookOutcome("a", "ran", None, 1 << 60))] * 3)
    for pid in sizes:
        agents.show(pid)
    found = attempt(agents, procfs=str(tmp_path), needed=150 * page)
    assert [ask.needed for ask in agents.asked] == [150 * page, 50 * page]
    assert found.claimed == 2 << 56
    assert "3 not asked: enough had come back" in found.detail


def test_what_was_answered_is_told() -> None:
    heard: list[Reclaimed] = []
    attempt(Agents(reply(RAN), Reason.BUSY), heard=heard.append)
    assert heard == [reply(RAN)]


def test_it_says_what_it_would_do_and_how_long_it_takes() -> None:
    assert describe(Hooks(("a", "b"))) == "ask the agent to run a, b"
    assert describe(Hooks()) == "ask the agent to run its hooks"
    assert [longest(Hooks()), longest(Hooks(timeout=100.0))] == [60, 102]  # type: ignore[arg-type]
