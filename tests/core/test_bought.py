"""Has a brake or a ceiling bought any time? Judged by growth before and under it, never by its having been set."""

import pytest

from brimwatch.core.bought import Bought, by_brake, by_ceiling, growth
from brimwatch.core.history import Row

MB = 1_000_000
LEVEL = 100 * MB


def rows(rate: float, seconds: float = 2.0, first: float = 100.0, gap: float = 0.1) -> list[Row]:
    """Looks at something that grows by `rate` MB/s from `first` MB."""
    count = round(seconds / gap)
    return [Row(at=10 + step * gap, rss=(first + rate * step * gap) * MB) for step in range(count + 1)]


GROWTH = {
    "from the first row to the last": (rows(5), 5 * MB),
    "swap counts, as a page that was swapped out was not given back": (
        [Row(1.0, rss=100, swap=0), Row(2.0, rss=50, swap=80)], 30,
    ),
    "rows without a resident set say nothing": ([Row(0.0, working_set=5), *rows(5)], 5 * MB),
    "one row is no growth": (rows(5, 0), None),
    "a moment is none": (rows(5, 0.05, gap=0.01), None),
    "nothing is none": ([], None),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), GROWTH.values(), ids=GROWTH)
def test_growth(given: list[Row], expected: float | None) -> None:
    assert growth(given) == (None if expected is None else pytest.approx(expected))


BRAKES: dict[str, tuple[float | None, list[Row], bool | None]] = {
    "growth fell to a fifth: it helps": (50 * MB, rows(10), True),
    "growth stopped: it helps": (50 * MB, rows(0), True),
    "memory falls: it does not hurt": (50 * MB, rows(-20, first=150), True),
    "growth is what it was: it does not help": (50 * MB, rows(50), False),
    "growth fell by a tenth: nor does that": (50 * MB, rows(45), False),
    "under a second of it tells nothing yet": (50 * MB, rows(50, 0.9), None),
    "below its level it slows nothing, and is not judged": (50 * MB, rows(10, first=20), None),
    "only what was above its level counts": (50 * MB, [*rows(50, 0.9, first=50), *rows(50, 0.5)], None),
    "where nothing grew before there is nothing to slow": (0.0, rows(10), None),
    "where growth before is not known, too": (None, rows(10), None),
    "without a look since, too": (50 * MB, [], None),
}


@pytest.mark.parametrize(("before", "since", "helps"), BRAKES.values(), ids=BRAKES)
def test_whether_a_brake_helps(before: float | None, since: list[Row], helps: bool | None) -> None:
    assert by_brake(before, since, LEVEL).helps is helps


SILENT: dict[str, tuple[list[Row], float, bool | None]] = {
    "who was asked does not answer: it holds them up": (rows(5), 1.6, False),
    "a busy interpreter answers as late without it": (rows(5), 1.0, True),
    "before memory has reached it, it is not to blame": (rows(5, first=20), 5.0, None),
    "nor for a silence that began long before that": ([*rows(50, 1.0, first=40), Row(12.0, rss=LEVEL)], 5.0, None),
}


@pytest.mark.parametrize(("since", "silent", "helps"), SILENT.values(), ids=SILENT)
def test_a_brake_under_which_nobody_answers_helps_nobody(since: list[Row], silent: float, helps: bool | None) -> None:
    bought = by_brake(50 * MB, since, LEVEL, silent)
    assert bought.helps is helps
    assert ("has not answered for" in bought.told()) is (helps is False)


def test_the_working_set_may_be_what_reaches_a_brake() -> None:
    looks = [row._replace(rss=row.rss - 40 * MB, working_set=row.rss) for row in rows(50) if row.rss is not None]
    assert by_brake(50 * MB, looks, LEVEL).helps is False


CEILINGS: dict[str, tuple[float | None, bool | None]] = {
    "within its room it may still hold": (49 * MB, None),
    "a little beyond it: stacks and files": (60 * MB, None),
    "far beyond it: it bounds nothing that grows": (70 * MB, False),
    "not measured": (None, None),
}


@pytest.mark.parametrize(("rise", "helps"), CEILINGS.values(), ids=CEILINGS)
def test_whether_a_ceiling_helps(rise: float | None, helps: bool | None) -> None:
    assert by_ceiling(50 * MB, rows(50), rise, 50 * MB).helps is helps


def test_it_is_told_with_both_figures_or_not_at_all() -> None:
    assert Bought(52.1 * MB, -3 * MB).told() == "growth 52.1 MB/s before, -3.0 MB/s under it"
    assert Bought(None, 3 * MB).told() == Bought(3 * MB, None).told() == ""
