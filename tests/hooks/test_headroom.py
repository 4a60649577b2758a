from pathlib import Path

import pytest

from brimwatch.hooks.amounts import amount
from brimwatch.hooks.headroom import headroom


def tree(root: Path, files: dict[str, str]) -> tuple[str, str]:
    for name, content in {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 5000 kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(root / "proc"), str(root / "cgroup")


V2 = {"proc/self/cgroup": "0::/a/b\n", "cgroup/a/b/memory.max": "max\n", "cgroup/a/memory.max": "2000000\n"}
V1 = {"proc/self/cgroup": "5:memory:/d\n", "cgroup/memory/d/memory.limit_in_bytes": "3000000\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, (5_120_000, "machine"), id="without a cgroup: what the machine has available"),
        pytest.param(
            {**V2, "cgroup/a/memory.current": "1500000\n", "cgroup/a/memory.stat": "anon 5\ninactive_file 400000\n"},
            (900_000, "cgroup"),
            id="version 2: the limit above, less its working set",
        ),
        pytest.param({**V2, "cgroup/a/memory.current": "2100000\n"}, (-100_000, "cgroup"), id="above the limit"),
        pytest.param(V2, (5_120_000, "machine"), id="a limit without usage says nothing"),
        pytest.param(
            {
                **V1,
                "cgroup/memory/d/memory.usage_in_bytes": "2500000\n",
                "cgroup/memory/d/memory.stat": "inactive_file 1\ntotal_inactive_file 500000\n",
            },
            (1_000_000, "cgroup"),
            id="version 1: with the pages of the cgroups below",
        ),
    ],
)
def test_headroom_is_the_tightest_on_the_way_up(
    tmp_path: Path, files: dict[str, str], expected: tuple[int, str]
) -> None:
    assert headroom(*tree(tmp_path, files)) == expected


def test_headroom_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert headroom(str(tmp_path), str(tmp_path)) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (7, 7), ("200MB", 200_000_000), ("1.5 GiB", 1_610_612_736), ("512Mi", 536_870_912), (" 1kB ", 1000)],
)
def test_amounts_are_bytes_or_sizes_with_a_unit(value: object, expected: int) -> None:
    assert amount(value, "here") == expected


@pytest.mark.parametrize(
    "value", [-1, True, 1.5, None, "", "MB", "200", "1,5GB", "1.GB", "-1MB", "1e3MB", "1 MB x", "٣MB"]
)
def test_other_amounts_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="here: found"):
        amount(value, "here")
