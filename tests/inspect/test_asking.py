"""Asking a process that may refuse, be gone, or never answer."""

import errno
import threading
from collections.abc import Callable

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.inspect.asking import Gaps
from brimwatch.inspect.found import Missing

DENIED = (
    "permission denied: it takes the same user without more capabilities on its side, or CAP_SYS_PTRACE,"
    " and CAP_DAC_READ_SEARCH where the user is another"
)


def failing(error: Exception) -> Callable[[], int]:
    def read() -> int:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "why"),
    [
        pytest.param(PermissionError(), DENIED, id="what is denied says what it takes"),
        pytest.param(FileNotFoundError(), "this kernel has no such file", id="what the kernel lacks says so"),
        pytest.param(
            MalformedProcFile("statm: found b'x'"), "statm: found b'x'", id="what is malformed says what was found"
        ),
        pytest.param(OSError(errno.EIO, "I/O error"), "[Errno 5] I/O error", id="any other failure is told as it is"),
    ],
)
@pytest.mark.parametrize("patiently", [False, True], ids=["at once", "with patience"])
def test_what_is_not_answered_is_missing_with_a_reason(error: Exception, why: str, patiently: bool) -> None:
    gaps = Gaps()
    answer = (gaps.ask_patiently if patiently else gaps.ask)("size", failing(error))

    assert (answer, gaps.missing) == (None, [Missing("size", why)])


def test_an_answer_is_handed_on_and_nothing_is_missing() -> None:
    gaps = Gaps()

    assert (gaps.ask("a", lambda: 1), gaps.ask_patiently("b", lambda: 0), gaps.missing) == (1, 0, [])


@pytest.mark.parametrize("patiently", [False, True], ids=["at once", "with patience"])
def test_a_process_that_is_gone_ends_the_asking(patiently: bool) -> None:
    gaps = Gaps()
    with pytest.raises(ProcessLookupError):
        (gaps.ask_patiently if patiently else gaps.ask)("size", failing(ProcessLookupError()))


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_said() -> None:
    gaps, never = Gaps(patience=0.05), threading.Event()
    try:
        assert gaps.ask_patiently("mappings", never.wait) is None
    finally:
        never.set()

    reason = "no answer within 0.05 s: its memory map is locked, by a stuck page fault perhaps"
    assert gaps.missing == [Missing("mappings", reason)]
