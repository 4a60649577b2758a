import errno

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.sample.slow import failure_reason


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        pytest.param(ProcessLookupError(3, "No such process"), None, id="the process is gone"),
        pytest.param(OSError(errno.EMFILE, "Too many open files"), None, id="we have no descriptor left"),
        pytest.param(OSError(errno.ENODEV, "No such device"), None, id="the cgroup was removed"),
        pytest.param(TimeoutError("5s"), "no answer in time", id="the read hangs"),
        pytest.param(FileNotFoundError(2, "x"), "this kernel has no such file", id="an old kernel"),
        pytest.param(
            PermissionError(13, "Permission denied", "/proc/7/smaps_rollup"),
            "Permission denied: /proc/7/smaps_rollup",
            id="not allowed",
        ),
        pytest.param(OSError(errno.EOPNOTSUPP, "Operation not supported"), "Operation not supported", id="off"),
        pytest.param(MalformedProcFile("statm: found b'x'"), "statm: found b'x'", id="malformed"),
        pytest.param(ValueError(), "ValueError", id="an error without words"),
    ],
)
def test_reasons(result: object, reason: str | None):
    assert failure_reason(result) == reason


def test_a_reason_is_bounded():
    assert len(failure_reason(MalformedProcFile("x" * 10_000)) or "") == 200
