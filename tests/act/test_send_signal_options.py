import signal

import pytest
from tests.act.signalling import TERM, USR1, ending

from brimwatch.act.request import Traits
from brimwatch.act.send_signal import Sending, longest, parse
from brimwatch.config.nodes import compose


@pytest.mark.parametrize(
    ("written", "options", "cooperative", "ends"),
    [
        pytest.param("{signal: SIGUSR1}", USR1, True, False, id="a user's signal asks"),
        pytest.param("{signal: USR1, force: false}", USR1, True, False, id="force is off by itself"),
        pytest.param(
            "{signal: SIGUSR1, force: true}",
            Sending(signal.SIGUSR1, forced=True),
            False,
            False,
            id="a forced signal is not safe to run by hand",
        ),
        pytest.param("{signal: SIGRTMIN+2}", Sending(signal.SIGRTMIN + 2), True, False, id="a real-time signal asks"),
        pytest.param("{signal: SIGTERM}", TERM, False, True, id="SIGTERM ends"),
        pytest.param(
            "{signal: SIGKILL}", Sending(signal.SIGKILL), False, True, id="SIGKILL alone is the user's choice"
        ),
        pytest.param(
            "{signal: SIGHUP}", Sending(signal.SIGHUP), False, True, id="SIGHUP ends what does not say otherwise"
        ),
        pytest.param(
            "{signal: SIGTERM, grace: 5s, then: SIGKILL}", ending(5.0), False, True, id="a second signal after a grace"
        ),
        pytest.param("{signal: SIGTERM, then: SIGKILL}", ending(30.0), False, True, id="the grace is 30 s by itself"),
    ],
)
def test_what_is_read(written: str, options: Sending, cooperative: bool, ends: bool) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) == Traits(options, cooperative=cooperative, ends_process=ends)
    assert root.faults.lines() == ()


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param(
            "{signal: SIGTERM, grace: 5s}",
            "f.yaml:1: grace: found grace alone, wanted `then` with it; it is the time until the second signal",
            id="a grace without a second signal",
        ),
        pytest.param(
            "{signal: SIGUSR1, then: SIGKILL}",
            "f.yaml:1: then: found SIGKILL after SIGUSR1, "
            "wanted `then` only after a signal that ends a process; else the process is always still there",
            id="a second signal after one that does not end",
        ),
        pytest.param(
            "{signal: SIGTERM, then: SIGUSR1}",
            "f.yaml:1: then: found SIGUSR1, wanted a signal that ends a process, such as SIGKILL",
            id="a second signal that does not end",
        ),
        pytest.param(
            "{signal: SIGTERM, then: SIGKILL, grace: 2h}",
            "f.yaml:1: grace: found '2h', wanted at most 30m",
            id="a grace beyond half an hour",
        ),
        pytest.param(
            "{signal: SIGTERM, then: 9}",
            "f.yaml:1: then: found the number '9', "
            "wanted a signal's name, such as SIGUSR1 or SIGTERM; numbers mean other signals on other machines",
            id="a number as second signal",
        ),
        pytest.param(
            "{signal: SIGTERM, force: maybe}",
            "f.yaml:1: force: found 'maybe', wanted true or false",
            id="force is a flag",
        ),
    ],
)
def test_what_is_refused_in_a_file(written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    assert parse(root) is None
    assert root.faults.lines() == (fault,)


def test_an_attempt_with_a_second_signal_may_take_longer_than_its_grace() -> None:
    assert longest(ending(30.0)) > 30.0
    assert longest(USR1) < 30.0
