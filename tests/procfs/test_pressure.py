import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.pressure import Pressure, parse_pressure

SOME = b"some avg10=12.50 avg60=3.00 avg300=0.25 total=123456\n"
FULL = b"full avg10=1.00 avg60=0.50 avg300=0.00 total=42\n"


def test_percents_become_ratios():
    assert parse_pressure(SOME + FULL) == Pressure(0.125, 0.03, 0.0025, 123456, 0.01, 0.005, 0.0, 42)


def test_a_kernel_may_have_no_line_full():
    found = parse_pressure(SOME)
    assert (found.some_avg10, found.full_avg10, found.full_total_us) == (0.125, None, None)


def test_ratios_by_kind():
    assert parse_pressure(SOME + FULL).ratios() == {"some": 0.125, "full": 0.01}
    assert parse_pressure(SOME).ratios() == {"some": 0.125}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(FULL, id="full alone"),
        pytest.param(b"some avg10=1.00\n", id="cut short"),
        pytest.param(b"some avg10=1.2.3 avg60=0.0 avg300=0.0 total=1\n", id="a number with two points"),
    ],
)
def test_malformed(text: bytes):
    with pytest.raises(MalformedProcFile, match="some avg10="):
        parse_pressure(text)
