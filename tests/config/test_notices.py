"""What is no fault of a configuration, and worth knowing?"""

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.load import load


@pytest.mark.parametrize(
    ("match", "noticed"),
    [pytest.param("host: true", 1, id="the host has no process"), pytest.param("pid: 1", 0, id="a process is one")],
)
def test_a_signal_to_the_host_is_noticed_to_have_no_receiver(match: str, noticed: int) -> None:
    text = f"targets: [{{name: machine, match: {{{match}}}, policy: p}}]\n"
    text += "policies: {p: {tiers: {critical: {when: {memory_used: 90%}, do: [reclaim, ask, note]}}}}\n"
    notices = load(
        text + "actions: {ask: {signal: SIGUSR1}, note: {exec: [/bin/true]}}\n", "brimwatch.yaml", ACTIONS
    ).notices
    expected = (
        "target machine: ask under critical has no receiver: the host has no process and no cgroup (`vanished`); "
        "a hook rung asks other targets, exec and webhook work"
    )
    assert [one for one in notices if "receiver" in one] == [expected] * noticed
