from pathlib import Path

import pytest

from brimwatch.hooks.limit import memory_limit

MEMINFO = "MemTotal:       1000 kB\nMemFree: 1 kB\n"


def tree(root: Path, files: dict[str, str]) -> tuple[str, str]:
    for name, content in {"proc/meminfo": MEMINFO, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(root / "proc"), str(root / "cgroup")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, (1_024_000, "machine"), id="without a cgroup it is the machine's memory"),
        pytest.param(
            {"proc/self/cgroup": "0::/a/b\n", "cgroup/a/memory.max": "5000\n", "cgroup/a/b/memory.max": "max\n"},
            (5000, "cgroup"),
            id="version 2: the tightest on the way up",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/kube/pod\n", "cgroup/memory.max": "7000\n"},
            (7000, "cgroup"),
            id="in a container the path shown is not below the mount",
        ),
        pytest.param(
            {"proc/self/cgroup": "5:cpu,memory:/d\n", "cgroup/memory/d/memory.limit_in_bytes": "6000\n"},
            (6000, "cgroup"),
            id="version 1",
        ),
        pytest.param(
            {"proc/self/cgroup": "5:memory:/\n", "cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
            (1_024_000, "machine"),
            id="version 1: a number that means no limit",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/../..\n", "cgroup/memory.max": "9999999999\n"},
            (1_024_000, "machine"),
            id="a limit above the machine's memory is none",
        ),
    ],
)
def test_the_tightest_limit(tmp_path: Path, files: dict[str, str], expected: tuple[int, str]) -> None:
    assert expected == memory_limit(*tree(tmp_path, files))


def test_without_any_file_it_is_unknown(tmp_path: Path) -> None:
    assert memory_limit(str(tmp_path), str(tmp_path)) is None
