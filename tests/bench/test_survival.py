"""Does the survival benchmark see what becomes of a process? A real limit, a real kill, a real hook."""

import json
import os
import threading
import time

import pytest
from tests.bench.machine import MissingProgramError
from tests.bench.survival_cgroup import hierarchy, limited
from tests.bench.survival_daemon import watching
from tests.bench.survival_lanes import Lanes
from tests.bench.survival_plan import Row
from tests.bench.survival_run import Course, Fate, run
from tests.bench.survival_table import Table


@pytest.fixture
def cgroups() -> None:
    """Skipped loudly where no memory cgroup can be made; with CI=true that fails."""
    try:
        hierarchy()
    except (MissingProgramError, OSError) as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.mark.live
def test_the_kernel_kills_what_nobody_helps_and_its_work_until_then_is_known(cgroups: None) -> None:
    fate = run(Course("cache", 800, 10), "nothing-0", None)
    assert (fate.alive, fate.ended, fate.kills, fate.drops, fate.warned) == (False, -9, 1, 0, None)
    assert 300 < fate.answered < 400 <= fate.came + 100
    assert fate.peak is None or fate.peak > 390_000_000
    assert fate.lived < 10


@pytest.mark.live
def test_a_run_that_a_daemon_saves_goes_on_to_its_end(cgroups: None, tmp_path: object) -> None:
    with watching(tmp_path) as watch:  # type: ignore[arg-type]
        fate = run(Course("cache+220", 150, 2), "hooks-0", watch)
    assert (fate.alive, fate.ended, fate.kills) == (True, None, 0)
    assert fate.drops > 0
    assert fate.warned is not None
    assert fate.warned >= 0


@pytest.mark.live
def test_a_cgroup_is_gone_with_all_that_was_in_it(cgroups: None) -> None:
    with limited("gone", 100_000_000) as group:
        pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
        group.entrance.write_text(str(pid))
        assert group.kills == 0
    assert os.waitpid(pid, 0)[1] == 9
    assert not group.folder.exists()


def test_lanes_let_in_no_more_and_nothing_faster_than_they_may_and_miss_nothing() -> None:
    rows = [
        Row(f"{number}", Course("cache", rate), "hooks") for number, rate in enumerate((900, 50, 600, 500, 400) * 4)
    ]
    lanes = Lanes(rows, 3, 1000)
    inside: list[Row] = []
    seen: list[tuple[int, int]] = []

    def go() -> None:
        while True:
            with lanes.next() as found:
                if found is None:
                    return
                inside.append(found[0])
                seen.append((len(inside), sum(row.course.rate for row in inside)))
                time.sleep(0.002)
                inside.remove(found[0])

    threads = [threading.Thread(target=go) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == len(rows)
    assert max(count for count, _ in seen) <= 3
    assert max(speed for _, speed in seen) <= 1000


def test_a_row_is_its_figures_and_a_line_that_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    saved = Fate(True, None, 0, 5.0, None, 1000, 950, 0, 3, 380_000_000)
    lost = Fate(False, -9, 1, 2.0, 0.04, 400, 390, 0, 1, 400_000_000)
    table = Table()
    table.add(Row("cache", Course("cache", 200, 5), "hooks", 2), [saved, lost])
    table.show()

    said = capsys.readouterr()
    figures = {line["figure"]: line for line in map(json.loads, said.out.splitlines())}
    assert {name: line["value"] for name, line in figures.items()} == {
        "alive": 0.5, "lived": 2, "peak": 1, "work_done": 0.67,
    }  # fmt: skip
    assert (figures["lived"]["tier_entered_before"], figures["work_done"]["drops"]) == (0.04, 2)
    assert "1 of 2  alive   67% of the work  dead after 2.0 s, a tier entered 40 ms before" in said.err
