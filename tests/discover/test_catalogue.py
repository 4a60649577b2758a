"""How often is what judged and read, seen from the roster, on fake trees?"""

import pytest

from brimwatch.discover.expression import searcher
from brimwatch.discover.facts import FactSource


@pytest.fixture
def evaluations(monkeypatch):
    """How often an expression was evaluated."""
    seen = []

    def counted(pattern):
        found = searcher(pattern)
        return lambda text: seen.append(pattern) or found(text)

    monkeypatch.setattr("brimwatch.discover.rules.searcher", counted)
    return seen


def test_what_was_judged_once_is_not_judged_again(proc, roster, spec, evaluations):
    for pid in range(100, 150):
        proc.add(pid, cmdline=f"app\0{pid}\0".encode())
    watched = roster(*(spec(f"t{number}", cmdline=f"nothing{number}$") for number in range(200)))
    watched.scan(0.0)
    assert len(evaluations) == 50 * 200
    for second in range(1, 30):
        watched.scan(float(second))
    assert len(evaluations) == 50 * 200


def test_a_process_made_to_be_slow_is_tried_again_and_does_not_hide_others(proc, roster, spec, pids, monkeypatch):
    proc.add(10, start=999_900, cmdline=b"ab" * 4000)
    proc.add(11, start=999_900, cmdline=b"abc")
    watched = roster(spec("x", cmdline="(a.*)+b.*c"))
    assert (pids(watched.scan(0.0)), watched.report.denied) == ({"x": [11]}, {"slow": 1})
    assert (pids(watched.scan(1.1)), watched.report.denied) == ({"x": [11]}, {"slow": 1})
    monkeypatch.setattr("brimwatch.discover.expression.search", lambda pattern, text: True)  # as with more time
    assert (pids(watched.scan(3.2)), watched.report.denied) == ({"x": [10, 11]}, {})


def test_forks_that_look_alike_are_judged_together(proc, roster, spec, pids, evaluations):
    proc.add(10, comm="server")
    watched = roster(spec("web", name="server", children=True, exclude={"cmdline": "keep"}), spec("x", cmdline="x"))
    watched.scan(0.0)
    evaluations.clear()
    for pid in range(100, 600):
        proc.add(pid, comm="worker", ppid=10)
    assert pids(watched.scan(1.0))["web"] == [10, *range(100, 600)]
    assert len(evaluations) <= 4


def test_ten_thousand_targets_with_exact_names_are_looked_up(proc, roster, spec, pids, evaluations):
    for pid in range(100, 150):
        proc.add(pid, comm=f"app{pid}")
    watched = roster(*(spec(f"t{number}", name=f"app{number}", cmdline=".") for number in range(10_000)))
    assert sum(map(len, pids(watched.scan(0.0)).values())) == 50
    assert len(evaluations) == 50


def test_only_what_some_target_needs_is_read(proc, roster, spec, monkeypatch):
    proc.add(10), proc.add(11, comm="other")
    asked = []
    real = FactSource.read

    def noted(self, row, wanted):
        asked.append((row.identity.pid, sorted(wanted)))
        return real(self, row, wanted)

    monkeypatch.setattr(FactSource, "read", noted)
    roster(spec("web", name="app")).scan(0.0)
    assert sorted(asked) == [(10, []), (10, ["cgroup", "cmdline", "exe", "user"]), (11, [])]
