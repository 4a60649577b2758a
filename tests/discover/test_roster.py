"""What a pass costs, keeps, and tells, on fake trees."""

import os
import socket

import pytest

from brimwatch.config.settings import TargetSpec
from brimwatch.discover.expression import searcher
from brimwatch.discover.facts import FactSource
from brimwatch.discover.names import INSTANCES
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
UID = "6de31acc-3b6d-4fe3-bd53-2cc9ddcd1b0e"


def test_a_member_shows_all_that_is_known_of_it(proc, roster, spec):
    path = f"/kubepods/burstable/pod{UID}/{ID}"
    proc.add(10, comm="gunicorn", cmdline=b"gunicorn\0shop.wsgi\0", cgroup=f"0::{path}\n", start=77, ppid=3)
    member = roster(spec("web", name="gunicorn")).scan(0.0)[0].members[0]
    assert member.identity == ProcessId(10, 77)
    assert (member.comm, member.exe, member.cmdline) == ("gunicorn", "/usr/bin/app", "gunicorn shop.wsgi")
    assert (member.uid, member.ppid, member.unit) == (os.geteuid(), 3, None)
    assert (member.container, member.pod_uid) == (ID, UID)
    assert member.cgroup == CgroupPaths(path, None, None, (path,))
    assert (member.is_root, member.parent_of_member) == (True, False)


def test_a_pass_in_which_nothing_happens_hands_out_the_same_objects(proc, roster, spec):
    proc.add(10, comm="app")
    watched = roster(spec("web", name="app"), spec("{comm}", name="*"))
    assert watched.scan(0.0) is watched.scan(1.0)


def test_what_does_not_change_stays_the_same_object_when_something_else_does(proc, roster, spec):
    proc.add(10, comm="app"), proc.add(11, comm="app"), proc.add(20, comm="db")
    watched = roster(spec("web", name="app"), spec("db", name="db"))
    web, db = watched.scan(0.0)
    proc.add(12, comm="app")
    again_web, again_db = watched.scan(1.0)
    assert again_db is db
    assert again_web is not web
    assert [one is other for one, other in zip(again_web.members, web.members, strict=False)] == [True, True]
    proc.remove(11)
    assert watched.scan(2.0)[0].members == (again_web.members[0], again_web.members[2])


def test_a_parent_that_gets_a_child_is_another_object(proc, roster, spec):
    proc.add(10, comm="app")
    watched = roster(spec("web", name="app", children=True))
    before = watched.scan(0.0)[0].members[0]
    proc.add(11, comm="sh", ppid=10)
    after = watched.scan(1.0)[0].members[0]
    assert (before.parent_of_member, after.parent_of_member) == (False, True)


def test_a_pid_that_is_used_again_is_another_member(proc, roster, spec):
    proc.add(10, comm="app", start=1000)
    watched = roster(spec("web", name="app"))
    watched.scan(0.0)
    proc.add(10, comm="app", start=2000)
    assert [member.identity for member in watched.scan(1.0)[0].members] == [ProcessId(10, 2000)]


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


def test_an_exec_is_matched_again_and_keeps_the_identity(proc, roster, spec):
    proc.add(10, comm="sh", cmdline=b"sh\0start.sh\0")
    watched = roster(spec("web", cmdline="gunicorn"))
    assert watched.scan(0.0)[0].members == ()
    proc.add(10, comm="gunicorn", cmdline=b"gunicorn\0", stack=5)
    assert [member.identity for member in watched.scan(1.0)[0].members] == [ProcessId(10, 1000)]


def test_an_exec_of_the_same_program_shows_its_new_command_line(proc, roster, spec):
    proc.add(10, cmdline=b"app\0one\0")
    watched = roster(spec("web", name="app"))
    watched.scan(0.0)
    proc.add(10, cmdline=b"app\0two\0", stack=5)
    assert watched.scan(1.0)[0].members[0].cmdline == "app two"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        pytest.param({"cgroup": "0::/system.slice/web.service\n"}, {"unit": "web.service"}, id="another cgroup"),
        pytest.param({"cmdline": b"gunicorn: master\0"}, {"cmdline": "master"}, id="a title"),
    ],
)
@pytest.mark.parametrize(
    ("start", "later"),
    [pytest.param(999_900, 1.1, id="soon while it is young"), pytest.param(1000, 70.0, id="in time once it is old")],
)
def test_what_changes_without_an_exec_is_seen(proc, roster, spec, change, match, start, later):
    proc.add(10, start=start)
    watched = roster(spec("web", **match))
    watched.scan(0.0)
    proc.add(10, start=start, **change)
    assert [member.identity.pid for member in watched.scan(later)[0].members] == [10]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a process to somebody else needs root")
def test_a_change_of_the_user_is_seen(proc, roster, spec, pids):
    proc.add(10, start=999_900)
    watched = roster(spec("web", user="65534"), spec("root", user="root"))
    assert pids(watched.scan(0.0)) == {"web": [], "root": [10]}
    proc.add(10, start=999_900, uid=65534)
    assert pids(watched.scan(1.1)) == {"web": [10], "root": []}


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
    assert pids(roster(spec("x", pidfile=str(path))).scan(0.0)) == {"x": []}


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


def test_a_template_loses_a_target_with_its_last_process(proc, roster, spec, pids):
    proc.add(10, comm="app"), proc.add(11, comm="db")
    watched = roster(spec("{comm}", name="*"))
    assert pids(watched.scan(0.0)) == {"app": [10], "db": [11]}
    assert [target.template for target in watched.scan(0.5)] == [True, True]
    proc.remove(10)
    assert pids(watched.scan(1.0)) == {"db": [11]}


def test_what_a_full_template_refuses_is_counted(proc, roster, spec):
    for pid in range(100, 100 + INSTANCES + 7):
        proc.add(pid, comm=f"app{pid}")
    watched = roster(spec("{comm}", name="*"))
    assert len(watched.scan(0.0)) == INSTANCES
    assert (watched.report.processes, watched.report.dropped) == (INSTANCES + 7, 7)


def test_names_of_units_and_containers(proc, roster, spec, pids):
    proc.add(10, cgroup="0::/system.slice/web.service\n")
    proc.add(11, cgroup=f"0::/system.slice/docker-{ID}.scope\n")
    proc.add(12)
    watched = roster(spec("{container}", container="*"), spec("{unit}", unit="*.service"))
    assert pids(watched.scan(0.0)) == {"9ec39b91f3d7": [11], "web.service": [10]}


def test_what_may_not_be_read_is_told(proc, roster, spec, pids, monkeypatch):
    proc.add(10), proc.add(11), proc.add(12, comm="other")
    real = os.readlink

    def refuse(path, *, dir_fd=None):
        if path == "exe":
            raise PermissionError
        return real(path, dir_fd=dir_fd)

    monkeypatch.setattr("os.readlink", refuse)
    watched = roster(spec("web", name="app", exe="/usr/bin/app"))
    assert pids(watched.scan(0.0)) == {"web": []}
    assert watched.report.denied == {"exe": 2}
    assert watched.scan(1.0) is watched.scan(2.0)
    assert watched.report.denied == {"exe": 2}


def test_a_process_that_dies_while_it_is_read_is_simply_not_there(proc, roster, spec, pids, monkeypatch):
    proc.add(10), proc.add(11)
    real = FactSource.read

    def dying(self, row, wanted):
        if row.identity.pid == 10:
            raise ProcessLookupError
        return real(self, row, wanted)

    watched = roster(spec("web", cmdline="app"))
    with monkeypatch.context() as patch:
        patch.setattr(FactSource, "read", dying)
        assert pids(watched.scan(0.0)) == {"web": [11]}
    assert pids(watched.scan(1.0)) == {"web": [10, 11]}


def test_a_member_that_dies_before_it_is_shown_is_not_there(proc, roster, spec, pids, monkeypatch):
    proc.add(10), proc.add(11)

    def dying(self, row, wanted):
        raise ProcessLookupError

    watched = roster(spec("web", name="app"))
    with monkeypatch.context() as patch:
        patch.setattr(FactSource, "_place", dying)
        assert pids(watched.scan(0.0)) == {"web": []}
    assert pids(watched.scan(1.0)) == {"web": [10, 11]}


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
    watched = roster(*(spec(f"t{number}", cmdline=f"nothing{number}") for number in range(200)))
    watched.scan(0.0)
    assert len(evaluations) == 50 * 200
    for second in range(1, 30):
        watched.scan(float(second))
    assert len(evaluations) == 50 * 200


def test_a_process_made_to_be_slow_is_tried_again_and_does_not_hide_others(proc, roster, spec, pids):
    proc.add(10, start=999_900, cmdline=b"ab" * 4000)
    proc.add(11, start=999_900, cmdline=b"abc")
    watched = roster(spec("x", cmdline="(a.*)+b.*c"))
    assert (pids(watched.scan(0.0)), watched.report.denied) == ({"x": [11]}, {"slow": 1})
    proc.add(10, start=999_900, cmdline=b"abc")
    assert (pids(watched.scan(1.1)), watched.report.denied) == ({"x": [10, 11]}, {})


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


def test_a_reload_keeps_orphans_of_what_is_written_as_before(proc, roster, spec, pids):
    proc.add(10, comm="server"), proc.add(11, comm="worker", ppid=10), proc.add(12, comm="helper", ppid=11)
    watched = roster(spec("web", name="server", children=True))
    watched.scan(0.0)
    proc.remove(11)
    proc.add(12, comm="helper", ppid=1)
    watched.scan(1.0)
    watched.replace((spec("new", name="nobody"), spec("web", name="server", children=True)))
    assert pids(watched.scan(2.0)) == {"new": [], "web": [10, 12]}
    watched.replace((spec("web", name="server*", children=True),))
    assert pids(watched.scan(3.0)) == {"web": [10]}


def test_a_reload_judges_everyone_by_the_new_rules(proc, roster, spec, pids):
    proc.add(10, comm="server", cgroup="0::/a.service\n")
    watched = roster(spec("web", name="server"))
    watched.scan(0.0)
    watched.replace((spec("unit", unit="a.service"),))
    assert pids(watched.scan(0.0)) == {"unit": [10]}


def test_without_targets_nothing_is_found(proc, roster):
    proc.add(10)
    watched = roster()
    assert watched.scan(0.0) == ()
    assert watched.report.processes == 1


def test_a_scan_finds_a_target_spec_as_it_was_given(proc, roster, spec):
    web = spec("web", name="app")
    found = roster(web).scan(0.0)[0]
    assert isinstance(found.spec, TargetSpec)
    assert found.spec is web
