import asyncio

import pytest
from tests.act.processes import request_for

from brimwatch.act.kinds import ACTIONS
from brimwatch.act.planned import Planned
from brimwatch.config.nodes import compose
from brimwatch.model import Reason, Verdict


def kind(name: str) -> Planned:
    found = ACTIONS[name]
    assert isinstance(found, Planned)
    return found


@pytest.mark.parametrize(
    ("name", "written", "cooperative", "tells"),
    [
        pytest.param("hook", "{hook: {names: [report-cache]}}", True, False, id="a named hook"),
        pytest.param("hook", "{hook: {}}", True, False, id="all hooks"),
        pytest.param(
            "webhook",
            "{webhook: {url: 'http://127.0.0.1:9093/api/v2/alerts', format: alertmanager}}",
            False,
            True,
            id="an alert tells",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'https://x.example/hook', secret_file: /run/secrets/hook}}",
            False,
            False,
            id="a plain webhook is a cure",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'https://x.example/hook', tells: true}}",
            False,
            True,
            id="a webhook that is said to tell",
        ),
        pytest.param("cgroup", "{cgroup: {memory.high: 98%}, max: 10s}", False, False, id="a brake"),
        pytest.param("cgroup", "{cgroup: {memory.reclaim: 200MB}}", False, False, id="a squeeze"),
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
            "hook.name: found an unknown key, wanted names; did you mean names?",
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
            "hook", "{hook: gc}", "hook: found 'gc', wanted a mapping with names", id="a hook that is no mapping"
        ),
        pytest.param(
            "webhook",
            "{webhook: {format: brimwatch}}",
            "webhook: found no url, wanted `url: http://...`",
            id="a webhook without an address",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'ftp://x/y'}}",
            "webhook.url: found 'ftp://x/y', wanted an http or https address with a host",
            id="another scheme",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'http:///y'}}",
            "webhook.url: found 'http:///y', wanted an http or https address with a host",
            id="no host",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'http://x:99999/'}}",
            "webhook.url: found 'http://x:99999/', wanted an http or https address with a host",
            id="a port that is none",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'http://[x/'}}",
            "webhook.url: found 'http://[x/', wanted an http or https address with a host",
            id="a broken address",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'http://x/', secret_file: here}}",
            "webhook.secret_file: found 'here', wanted an absolute path",
            id="a secret somewhere",
        ),
        pytest.param(
            "webhook",
            "{webhook: {url: 'http://x/', format: slack}}",
            "webhook.format: found 'slack', wanted one of brimwatch, alertmanager",
            id="an unknown format",
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
        pytest.param("rlimit", "{rlimit: {}}", "rlimit: found no resource, wanted `data: +200MB`", id="no resource"),
    ],
)
def test_what_is_refused(name: str, written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    kind(name).parse(root)
    assert [line.removeprefix("f.yaml:1: ")[: len(fault)] for line in root.faults.lines()] == [fault]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hook", Reason.NO_AGENT),
        ("webhook", Reason.UNSUPPORTED),
        ("cgroup", Reason.UNSUPPORTED),
        ("rlimit", Reason.UNSUPPORTED),
    ],
)
def test_a_run_says_that_nothing_was_done(name: str, reason: Reason) -> None:
    attempt = asyncio.run(kind(name).run(request_for(None, kind=name)))
    assert (attempt.verdict, attempt.reason) == (Verdict.SUPPRESSED, reason)
    assert f"`{reason}`" in attempt.detail
    assert kind(name).NOTICE in attempt.detail
