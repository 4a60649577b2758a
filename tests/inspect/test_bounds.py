"""What bounds a process: resource limits, signal sets."""

import signal

import pytest

from brimwatch.inspect.bounds import parse_soft_limits, signal_names

LIMITS = b"""Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max data size             500000000            unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max resident set          unlimited            unlimited            bytes
Max processes             96365                96365                processes
Max open files            1024                 524288               files
Max address space         unlimited            unlimited            bytes
Max nice priority         0                    0
"""


def test_soft_limits_are_those_that_can_make_a_program_fail() -> None:
    assert parse_soft_limits(LIMITS) == {
        "data size": 500_000_000,
        "stack size": 8_388_608,
        "open files": 1024,
        "processes": 96_365,
    }


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        pytest.param([], (), id="none is caught"),
        pytest.param([1, 15], ("HUP", "TERM"), id="signals are named as kill -l does"),
        pytest.param([32, 33], (), id="the two that the C library keeps for itself are not the program's"),
        pytest.param([34, 36, 64], ("RTMIN", "RTMIN+2", "RTMIN+30"), id="real-time signals count from the first"),
    ],
)
def test_caught_signals_are_named(numbers: list[int], names: tuple[str, ...]) -> None:
    assert signal.SIGRTMIN == 34
    assert signal_names(sum(1 << (number - 1) for number in numbers)) == names
