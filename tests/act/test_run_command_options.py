import pytest
from tests.act.commands import command

from brimwatch.act import session
from brimwatch.act.request import Traits
from brimwatch.act.run_command import Command, longest, parse
from brimwatch.config.nodes import compose
from brimwatch.units import Seconds

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("written", "options"),
    [
        pytest.param(
            "{exec: [/usr/local/bin/cleanup, '{pid}']}",
            Command(("/usr/local/bin/cleanup", "{pid}")),
            id="the usual form",
        ),
        pytest.param("{exec: [/bin/x], timeout: 1m}", Command(("/bin/x",), Seconds(60.0)), id="with a timeout"),
        pytest.param(
            "{exec: [/bin/x, '--of={target}/{tier}', '{needed_bytes}']}",
            Command(("/bin/x", "--of={target}/{tier}", "{needed_bytes}")),
            id="placeholders inside arguments",
        ),
        pytest.param("{exec: [/bin/x, '10']}", Command(("/bin/x", "10")), id="a number in quotes is a text"),
    ],
)
def test_what_is_read(written: str, options: Command) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) == Traits(options)
    assert root.faults.lines() == ()


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param("{exec: /bin/x}", "exec: found '/bin/x', wanted a list", id="a line for a shell"),
        pytest.param(
            "{exec: []}", "exec: found an empty list, wanted a program and its arguments", id="nothing to run"
        ),
        pytest.param(
            "{exec: [cleanup]}",
            "exec[0]: found 'cleanup', wanted the absolute path of a program; "
            "nothing is searched for, and no shell is asked",
            id="a program to be searched for",
        ),
        pytest.param(
            "{exec: [./cleanup]}",
            "exec[0]: found './cleanup', wanted the absolute path of a program; "
            "nothing is searched for, and no shell is asked",
            id="a path from somewhere",
        ),
        pytest.param(
            "{exec: ['/bin/{tier}']}",
            "exec[0]: found '/bin/{tier}', wanted a program's path without placeholders",
            id="a program that depends on the target",
        ),
        pytest.param(
            "{exec: [/bin/x, '{user}']}",
            "exec[1]: found '{user}', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="an unknown placeholder",
        ),
        pytest.param(
            "{exec: [/bin/x, '{pid']}",
            "exec[1]: found '{pid', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="half a placeholder",
        ),
        pytest.param(
            "{exec: [/bin/x, '{pid!r}']}",
            "exec[1]: found '{pid!r}', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="a format string",
        ),
        pytest.param(
            "{exec: [/bin/x, '{{pid}}']}",
            "exec[1]: found '{{pid}}', wanted no braces but those of {pid}, {target}, {tier}, {needed_bytes}",
            id="doubled braces",
        ),
        pytest.param(
            "{exec: [/bin/x, 10]}",
            "exec[1]: found the number '10', wanted a text; put it in quotes if it is meant",
            id="a number without quotes",
        ),
        pytest.param(
            "{exec: [/bin/x], timeout: 0s}", "timeout: found '0s', wanted between 100ms and 30m", id="no time at all"
        ),
        pytest.param(
            "{exec: [/bin/x], timeout: 1h}", "timeout: found '1h', wanted between 100ms and 30m", id="too much time"
        ),
    ],
)
def test_what_is_refused_in_a_file(written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) is None
    assert root.faults.lines() == (f"f.yaml:1: {fault}",)


def test_an_attempt_may_take_longer_than_its_timeout() -> None:
    assert longest(command("/bin/x", seconds=10.0)) == 10.0 + session.ASK + session.INSIST
