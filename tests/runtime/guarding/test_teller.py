import os

import pytest

from brimwatch.runtime.guarding.teller import Progress, Teller, chosen


@pytest.mark.parametrize(
    ("asked", "error", "output", "expected"),
    [
        pytest.param("auto", True, False, Progress.STATUS, id="a terminal to which no results go gets a status line"),
        pytest.param("auto", True, True, Progress.LINES, id="a terminal with the command's output gets whole lines"),
        pytest.param("auto", False, False, Progress.LINES, id="a file gets whole lines"),
        pytest.param("on", True, True, Progress.STATUS, id="who asks for the status line gets it"),
        pytest.param("on", False, True, Progress.LINES, id="but never in a file"),
        pytest.param("off", True, False, Progress.OFF, id="who wants nothing gets nothing"),
    ],
)
def test_progress_is_chosen_by_where_it_goes(asked: str, error: bool, output: bool, expected: Progress) -> None:
    assert chosen(asked, error, output) is expected


def test_a_line_takes_the_status_line_away_and_is_printable() -> None:
    reading, writing = os.pipe()
    teller = Teller(writing)
    teller.draw("state")
    teller.say("a\x1b[2J\nb")
    teller.say("c")
    os.close(writing)
    with open(reading, "rb") as stream:
        assert stream.read() == b"\r\x1b[Kbrimwatch: state\r\x1b[Kbrimwatch: a\\x1b[2J\\nb\nbrimwatch: c\n"


def test_a_reader_who_does_not_read_costs_lines_and_no_time() -> None:
    reading, writing = os.pipe()
    teller = Teller(writing)
    for _ in range(10_000):
        teller.say("x" * 100)
    os.close(reading)
    teller.say("nobody is there")
    os.close(writing)
