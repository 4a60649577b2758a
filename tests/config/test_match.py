import re

import pytest

from brimwatch.config.match import MATCH_KEYS, read_match
from brimwatch.config.nodes import compose
from brimwatch.config.settings import Match

ANY = "pid, pidfile, name, exe, cmdline, user, cgroup, unit, container, pod, agent"


def match(text: str) -> tuple[Match | None, tuple[str, ...]]:
    node = compose(text, "f.yaml")
    found = read_match(node)
    return found, tuple(line.removeprefix("f.yaml:1: ") for line in node.faults.lines())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{pid: 42}", Match(pid=42), id="a pid"),
        pytest.param("{pidfile: /run/x.pid}", Match(pidfile="/run/x.pid"), id="a pidfile"),
        pytest.param("{name: no}", Match(name="no"), id="a program called no"),
        pytest.param("{name: 'gunicorn: master*'}", Match(name="gunicorn: master*"), id="a long pattern of a name"),
        pytest.param("{exe: /usr/bin/python3*}", Match(exe="/usr/bin/python3*"), id="an executable"),
        pytest.param("{exe: '*/python3'}", Match(exe="*/python3"), id="an executable wherever it lies"),
        pytest.param(
            "{cmdline: 'gunicorn .* shop'}", Match(cmdline=re.compile("gunicorn .* shop")), id="a command line"
        ),
        pytest.param("{user: 1000}", Match(user="1000"), id="a uid"),
        pytest.param("{user: www-data}", Match(user="www-data"), id="a user name"),
        pytest.param("{cgroup: /system.slice/*}", Match(cgroup="/system.slice/*"), id="a cgroup"),
        pytest.param("{unit: '*.service'}", Match(unit="*.service"), id="units"),
        pytest.param("{unit: nginx*}", Match(unit="nginx*"), id="units by their beginning"),
        pytest.param("{container: 123456789012}", Match(container="123456789012"), id="an ID that looks like a number"),
        pytest.param("{container: 4E5F}", Match(container="4e5f"), id="an ID in capitals"),
        pytest.param("{container: '*'}", Match(container="*"), id="any container"),
        pytest.param("{agent: true}", Match(agent=True), id="whatever has an agent"),
        pytest.param("{agent: false, user: app}", Match(agent=False, user="app"), id="what has none"),
        pytest.param("{host: true}", Match(host=True), id="the host"),
        pytest.param("{host: false, name: x}", Match(name="x"), id="not the host"),
        pytest.param("{name: x, children: true}", Match(name="x", children=True), id="children"),
        pytest.param("{name: x, not: {user: root}}", Match(name="x", exclude=Match(user="root")), id="an exception"),
    ],
)
def test_what_a_match_says(text: str, expected: Match) -> None:
    assert (expected, ()) == match(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "{}",
            f"found an empty match, wanted at least one of {ANY}; it would take every process",
            id="an empty match",
        ),
        pytest.param(
            "{children: true}",
            f"found nothing that chooses, wanted at least one of {ANY}; it would take every process",
            id="only children",
        ),
        pytest.param(
            "{host: false}",
            f"found nothing that chooses, wanted at least one of {ANY}; it would take every process",
            id="not the host and nothing else",
        ),
        pytest.param(
            "{not: {user: root}}",
            f"found nothing that chooses, wanted at least one of {ANY}; it would take every process",
            id="only an exception",
        ),
        pytest.param(
            "{agent: false}",
            f"found `agent: false` alone, wanted another key of {ANY}; it would take every process",
            id="everything without an agent",
        ),
        pytest.param(
            "{name: x, not: {}}",
            f"not: found nothing, wanted at least one of {ANY}; it would leave no process",
            id="an empty exception",
        ),
        pytest.param(
            "{container: web}",
            (
                "container: found 'web', wanted the beginning of a container ID (hexadecimal), or *; a name "
                "is written pod: {container: NAME}"
            ),
            id="a container by its name",
        ),
        pytest.param(
            "{host: true, name: x}",
            "name: found a key beside `host: true`, wanted `host: true` alone; the host is no process to choose",
            id="the host and a process",
        ),
        pytest.param(
            "{host: true, children: true}",
            "children: found a key beside `host: true`, wanted `host: true` alone; the host is no process to choose",
            id="children of the host",
        ),
        pytest.param("{host: maybe, name: x}", "host: found 'maybe', wanted true or false", id="perhaps the host"),
        pytest.param(
            "{cmdlin: x}",
            f"cmdlin: found an unknown key, wanted one of {', '.join(MATCH_KEYS)}; did you mean cmdline?",
            id="a key with a letter missing is not an empty match as well",
        ),
        pytest.param(
            "{name: x, not: {children: true}}",
            f"not.children: found an unknown key, wanted one of {ANY}",
            id="an exception with children",
        ),
        pytest.param("{pid: 0}", "pid: found '0', wanted a whole number between 1 and 4194304", id="no pid"),
        pytest.param(
            "{pid: 99999999}",
            "pid: found '99999999', wanted a whole number between 1 and 4194304",
            id="a pid beyond the kernel's",
        ),
        pytest.param("{pid: x}", "pid: found 'x', wanted a whole number between 1 and 4194304", id="a word for a pid"),
        pytest.param(
            "{pidfile: run/x.pid}", "pidfile: found 'run/x.pid', wanted an absolute path", id="a relative pidfile"
        ),
        pytest.param(
            "{exe: python3}",
            "exe: found 'python3', wanted a pattern that begins with / or *; it is compared with the whole path",
            id="an executable without its path",
        ),
        pytest.param(
            "{cgroup: system.slice/x}",
            (
                "cgroup: found 'system.slice/x', wanted a pattern that begins with / or *; it is compared "
                "with the whole path"
            ),
            id="a relative cgroup",
        ),
        pytest.param(
            "{name: gunicorn-master-process}",
            (
                "name: found 'gunicorn-master-process', wanted at most 15 bytes, or a pattern; the kernel "
                "keeps no more of a name"
            ),
            id="a name longer than the kernel keeps",
        ),
        pytest.param(
            "{name: 5}",
            "name: found the number '5', wanted a text; put it in quotes if it is meant",
            id="a number for a name",
        ),
        pytest.param(
            "{unit: nginx}",
            "unit: found 'nginx', wanted a unit with its suffix, such as nginx.service, or a pattern",
            id="a unit without its suffix",
        ),
        pytest.param("{user: 'a b'}", "user: found 'a b', wanted a user name or a uid", id="a user with a blank"),
        pytest.param(
            "{cmdline: '['}",
            "cmdline: found '[', wanted a regular expression; unterminated character set at position 0",
            id="a pattern that does not compile",
        ),
        pytest.param("{agent: 3}", "agent: found '3', wanted true or false", id="a number for a flag"),
        pytest.param(
            "nginx", f"found 'nginx', wanted a mapping with one of {', '.join(MATCH_KEYS)}", id="a word for a match"
        ),
    ],
)
def test_what_is_no_match(text: str, expected: str) -> None:
    assert (expected,) == match(text)[1]


def test_every_key_at_fault_is_told() -> None:
    assert match("{pid: 0, pidfile: x, not: {unit: y}}")[1] == (
        "pid: found '0', wanted a whole number between 1 and 4194304",
        "pidfile: found 'x', wanted an absolute path",
        "not.unit: found 'y', wanted a unit with its suffix, such as nginx.service, or a pattern",
    )
