"""What is told of a configuration that is valid and will not do what was meant?"""

import pytest
from tests.config.doubles import TARGET, read


def test_what_cannot_be_run_is_noticed_where_it_may_come_to_run() -> None:
    text = TARGET + "policies: {p: {tiers: {warning: {when: {rss: 1GB}, do: [brake, squeeze]}}}}\n"
    actions = "actions: {brake: {cgroup: {memory.high: 98%}}, squeeze: {cgroup: {memory.reclaim: 1MB}}}\n"
    assert read(text + actions).notices == ("policy p is used by no target",)
    assert read((text + actions).replace("observe", "p")).notices == (
        "actions brake, squeeze: this version does not write to cgroups",
    )


def test_a_rung_that_only_tells_is_noticed_and_waits_for_no_effect() -> None:
    text = TARGET.replace("observe", "p") + "policies: {p: {tiers: {critical: {when: {rss: 1GB}, do: [look, ask]}}}}\n"
    config = read(text + "actions: {look: {stacks: {}}, ask: {signal: SIGUSR1}}\n")
    assert config.notices == (
        "policy p: look under `do` of critical only tells, and the rungs after it wait for that; put it under `tell`",
    )
    assert [action.settle for action in config.policies["p"].tiers[0].do] == [0.0, 2.0]


@pytest.mark.parametrize(
    ("match", "noticed"),
    [pytest.param("host: true", 1, id="the host has no process"), pytest.param("pid: 1", 0, id="a process is one")],
)
def test_a_signal_to_the_host_is_noticed_to_have_no_receiver(match: str, noticed: int) -> None:
    text = f"targets: [{{name: machine, match: {{{match}}}, policy: p}}]\n"
    text += "policies: {p: {tiers: {critical: {when: {memory_used: 90%}, do: [reclaim, ask, note]}}}}\n"
    notices = read(text + "actions: {ask: {signal: SIGUSR1}, note: {exec: [/bin/true]}}\n").notices
    expected = (
        "target machine: ask under critical has no receiver: the host has no process and no cgroup (`vanished`); "
        "a hook rung asks other targets, exec and webhook work"
    )
    assert [one for one in notices if "receiver" in one] == [expected] * noticed
