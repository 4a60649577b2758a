"""Which shapes of hooks, brakes and ceilings are read, and what is said of the others?"""

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.act.request import ActionKind
from brimwatch.config.nodes import compose


def kind(name: str) -> ActionKind:
    return ACTIONS[name]


@pytest.mark.parametrize(
    ("name", "written", "cooperative", "tells"),
    [
        pytest.param("hook", "{hook: {names: [report-cache]}}", True, False, id="a named hook"),
        pytest.param("hook", "{hook: {}}", True, False, id="all hooks"),
        pytest.param("cgroup", "{cgroup: {memory.high: 98%}, max: 10s}", False, False, id="a brake"),
        pytest.param("cgroup", "{cgroup: {memory.high: 1GB}, max: 1s, force: true}", False, False, id="a forced brake"),
        pytest.param("cgroup", "{cgroup: {memory.reclaim: 200MB}}", False, False, id="a squeeze"),
        pytest.param("rlimit", "{rlimit: {data: +200MB}, max: 5m, force: true}", False, False, id="a forced ceiling"),
        pytest.param("rlimit", "{rlimit: {data: +200MB}}", False, False, id="a ceiling"),
    ],
)
def test_what_is_accepted(name: str, written: str, cooperative: bool, tells: bool) -> None:
    root = compose(written, "f.yaml")
    traits = kind(name).parse(root)
    assert root.faults.lines() == ()
    assert traits is not None
    assert (traits.cooperative, traits.ends_process, traits.tells) == (cooperative, False, tells)


@pytest.mark.parametrize(
    ("name", "written", "fault"),
    [
        pytest.param(
            "hook",
            "{hook: {name: x}}",
            "hook.name: found an unknown key, wanted one of names, timeout; did you mean names?",
            id="an unknown key of a hook",
        ),
        pytest.param(
            "hook",
            "{hook: {names: []}}",
            "hook.names: found an empty list, wanted at least one name; leave `names` out for all hooks",
            id="no names",
        ),
        pytest.param(
            "hook",
            "{hook: {names: [{}]}}",
            "hook.names[0]: found an empty mapping, wanted a text",
            id="a name that is no text",
        ),
        pytest.param(
            "hook",
            "{hook: gc}",
            "hook: found 'gc', wanted a mapping with one of names, timeout",
            id="a hook that is no mapping",
        ),
        pytest.param(
            "cgroup",
            "{cgroup: {memory.max: 1GB}}",
            "cgroup.memory.max: found an unknown key, wanted one of memory.high, memory.reclaim",
            id="a file that would kill",
        ),
        pytest.param(
            "cgroup", "{cgroup: {}}", "cgroup: found 0 files, wanted one of memory.high, memory.reclaim", id="no file"
        ),
        pytest.param(
            "cgroup",
            "{cgroup: {memory.high: 98%}, max: 1m}",
            "max: found '1m', wanted between 1ms and 10s",
            id="a brake that lasts too long",
        ),
        pytest.param(
            "cgroup",
            "{cgroup: {memory.reclaim: 98%}}",
            "cgroup.memory.reclaim: found '98%', wanted a size with a unit, such as 500MB, 1.5GiB or 512Mi",
            id="a share to reclaim",
        ),
        pytest.param(
            "rlimit",
            "{rlimit: {data: 200MB}}",
            "rlimit.data: found '200MB', wanted a size above what is in use, such as +200MB; "
            "a fixed limit could lie below what is in use",
            id="a fixed limit",
        ),
        pytest.param(
            "cgroup", "{cgroup: {memory.high: 0%}}", "cgroup.memory.high: found '0%', wanted more than 0%", id="nothing"
        ),
        pytest.param(
            "cgroup",
            "{cgroup: {memory.reclaim: 1MB}, max: 5s}",
            "max: found max with memory.reclaim, wanted no max; it is done once, and leaves nothing in place",
            id="a squeeze that is to last",
        ),
        pytest.param(
            "rlimit",
            "{rlimit: {data: +0MB}}",
            "rlimit.data: found '+0MB', wanted a size above what is in use, such as +200MB",
            id="no room at all",
        ),
        pytest.param(
            "rlimit",
            "{rlimit: {data: +200MB}, max: 2h}",
            "max: found '2h', wanted between 1s and 1h",
            id="a ceiling that lasts too long",
        ),
        pytest.param(
            "cgroup",
            "{cgroup: {memory.high: 98%}, force: maybe}",
            "force: found 'maybe', wanted true or false",
            id="a flag that is none",
        ),
        pytest.param("rlimit", "{rlimit: {}}", "rlimit: found no resource, wanted `data: +200MB`", id="no resource"),
    ],
)
def test_what_is_refused(name: str, written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    kind(name).parse(root)
    assert [line.removeprefix("f.yaml:1: ")[: len(fault)] for line in root.faults.lines()] == [fault]
