"""Whom PIDs, pidfiles and agents mean from pass to pass, on fake trees."""

import os
import socket

import pytest


def test_a_written_pid_never_becomes_another_process(proc, roster, spec, pids):
    proc.add(10, start=1000)
    watched = roster(spec("one", pid=10))
    assert pids(watched.scan(0.0)) == {"one": [10]}
    proc.add(10, start=2000)
    assert pids(watched.scan(1.0)) == {"one": []}
    proc.add(10, start=1000)
    assert pids(watched.scan(2.0)) == {"one": [10]}


def test_a_written_pid_that_nobody_had_is_nobody(proc, roster, spec, pids):
    watched = roster(spec("one", pid=10))
    watched.scan(0.0)
    proc.add(10)
    assert pids(watched.scan(1.0)) == {"one": []}


def test_a_written_pid_keeps_its_meaning_over_a_reload(proc, roster, spec, pids):
    proc.add(10, start=1000)
    watched = roster(spec("one", pid=10))
    watched.scan(0.0)
    proc.add(10, start=2000)
    watched.replace((spec("other", name="x"), spec("one", pid=10)))
    assert pids(watched.scan(1.0)) == {"other": [], "one": []}


def write_pidfile(path, pid, clock, start):
    path.write_text(f"{pid}\n")
    os.utime(path, (clock.started(start) + 1, clock.started(start) + 1))


def test_a_pidfile_is_followed(proc, roster, spec, pids, tmp_path, clock):
    path = tmp_path / "x.pid"
    proc.add(10, start=1000), proc.add(11, start=900_000)
    watched = roster(spec("x", pidfile=str(path)))
    assert (pids(watched.scan(0.0)), watched.report.pidfiles) == ({"x": []}, {str(path): "missing"})
    write_pidfile(path, 10, clock, 1000)
    assert (pids(watched.scan(1.0)), watched.report.pidfiles) == ({"x": [10]}, {})
    write_pidfile(path, 11, clock, 900_000)
    assert (pids(watched.scan(2.0)), watched.report.pidfiles) == ({"x": [11]}, {})
    write_pidfile(path, 12, clock, 1000)
    assert (pids(watched.scan(3.0)), watched.report.pidfiles) == ({"x": []}, {str(path): "not_running"})


def test_a_pidfile_whose_pid_was_used_again_is_stale(proc, roster, spec, pids, tmp_path, clock):
    path = tmp_path / "x.pid"
    proc.add(10, start=1000)
    write_pidfile(path, 10, clock, 1000)
    watched = roster(spec("x", pidfile=str(path), children=True))
    assert pids(watched.scan(0.0)) == {"x": [10]}
    proc.add(10, start=900_000)
    assert (pids(watched.scan(1.0)), watched.report.pidfiles) == ({"x": []}, {str(path): "stale"})


def test_a_pidfile_of_a_zombie_means_nobody(proc, roster, spec, pids, tmp_path, clock):
    path = tmp_path / "x.pid"
    proc.add(10, start=1000, state="Z", stack=0)
    write_pidfile(path, 10, clock, 1000)
    watched = roster(spec("x", pidfile=str(path)))
    assert (pids(watched.scan(0.0)), watched.report.pidfiles) == ({"x": []}, {str(path): "not_running"})


@pytest.fixture
def agent(tmp_path, clock):
    opened = []

    def make(pid):
        (tmp_path / "run").mkdir(exist_ok=True)
        path = str(tmp_path / "run" / f"{pid}.sock")
        opened.append(socket.socket(socket.AF_UNIX))
        opened[-1].bind(path)
        os.utime(path, (clock.started(2000), clock.started(2000)))
        return path

    yield make
    for one in opened:
        one.close()


def test_agents_come_and_go(proc, roster, spec, pids, agent):
    proc.add(10), proc.add(11)
    watched = roster(spec("with", agent=True), spec("without", agent=False, name="app"))
    assert pids(watched.scan(0.0)) == {"with": [], "without": [10, 11]}
    path = agent(11)
    assert pids(watched.scan(1.0)) == {"with": [11], "without": [10]}
    os.unlink(path)
    assert pids(watched.scan(2.0)) == {"with": [], "without": [10, 11]}
