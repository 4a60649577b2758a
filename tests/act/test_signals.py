import signal

import pytest

from brimwatch.act.signals import CERTAIN, ENDING, name_of, number_of, parse_signal
from brimwatch.config.nodes import compose


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param("SIGUSR1", signal.SIGUSR1, id="a name with SIG"),
        pytest.param("USR1", signal.SIGUSR1, id="a name without SIG"),
        pytest.param("SIGPOLL", signal.SIGIO, id="a second name of a signal"),
        pytest.param("SIGRTMIN", signal.SIGRTMIN, id="the first real-time signal"),
        pytest.param("RTMIN+3", signal.SIGRTMIN + 3, id="a real-time signal counted from the first"),
        pytest.param("SIGRTMAX-2", signal.SIGRTMAX - 2, id="a real-time signal counted from the last"),
        pytest.param("SIGRTMIN+64", None, id="a real-time signal beyond the last is none"),
        pytest.param("SIGRTMAX-64", None, id="a real-time signal before the first is none"),
        pytest.param("SIGRTMIN-1", None, id="counting down from the first is none"),
        pytest.param("sigusr1", None, id="small letters are no name"),
        pytest.param("SIG", None, id="the bare prefix is no name"),
        pytest.param("", None, id="an empty text is no name"),
        pytest.param("SIG_IGN", None, id="a disposition is no signal"),
    ],
)
def test_names(name: str, number: int | None) -> None:
    assert number_of(name) == number


def test_every_number_has_a_name_that_reads_back() -> None:
    numbers = set(map(int, signal.valid_signals())) - {32, 33}
    assert {number: number_of(name_of(number)) for number in numbers} == {number: number for number in numbers}


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param(
            "10",
            "the number '10', wanted a signal's name, such as SIGUSR1 or SIGTERM; numbers mean other",
            id="a number is refused",
        ),
        pytest.param(
            "'10'",
            "the number '10', wanted a signal's name, such as SIGUSR1 or SIGTERM; numbers mean other",
            id="a number in quotes as well",
        ),
        pytest.param(
            "SIGKLL",
            "'SIGKLL', wanted a signal's name, such as SIGUSR1 or SIGTERM; did you mean SIGKILL?",
            id="a typing mistake gets the nearest name",
        ),
        pytest.param(
            "usr1",
            "'usr1', wanted a signal's name, such as SIGUSR1 or SIGTERM; did you mean SIGUSR1?",
            id="small letters get the real name",
        ),
        pytest.param(
            "SIGSTOP", "SIGSTOP, wanted a signal that a program can answer", id="a stopped process gives nothing back"
        ),
        pytest.param("SIGSEGV", "SIGSEGV, wanted a signal that a program can answer", id="a fault is no request"),
        pytest.param("[SIGUSR1]", "a list, wanted a signal's name", id="a list is no name"),
        pytest.param("", "nothing, wanted a signal's name", id="nothing is no name"),
    ],
)
def test_what_is_refused(written: str, fault: str) -> None:
    root = compose(f"signal: {written}", "f.yaml")
    node = (root.mapping() or {})["signal"]
    assert parse_signal(node) is None
    lines = root.faults.lines()
    assert len(lines) == 1
    assert lines[0].startswith(f"f.yaml:1: signal: found {fault}")


def test_a_usual_name_is_read_without_a_fault() -> None:
    root = compose("signal: SIGUSR2", "f.yaml")
    assert parse_signal((root.mapping() or {})["signal"]) == signal.SIGUSR2
    assert root.faults.lines() == ()


def test_what_needs_no_handler_ends_a_process() -> None:
    assert CERTAIN < ENDING
