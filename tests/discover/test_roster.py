"""What a pass costs, keeps, and tells, on fake trees."""

import os

import pytest

from brimwatch.config.settings import TargetSpec
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


def test_a_process_that_belongs_to_nobody_changes_nothing(proc, roster, spec):
    proc.add(10, comm="app")
    watched = roster(spec("web", name="app"))
    before = watched.scan(0.0)
    proc.add(11, comm="other")
    assert watched.scan(1.0) is before
    assert watched.report.processes == 2


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
    for pid in range(100, 110):
        proc.remove(pid)
    watched.scan(1.0)
    assert (watched.report.processes, watched.report.dropped) == (INSTANCES - 3, 0)


def test_names_of_units_and_containers(proc, roster, spec, pids):
    proc.add(10, cgroup="0::/system.slice/web.service\n")
    proc.add(11, cgroup=f"0::/system.slice/docker-{ID}.scope\n")
    proc.add(12)
    watched = roster(spec("{container}", container="*"), spec("{unit}", unit="*.service"))
    assert pids(watched.scan(0.0)) == {"9ec39b91f3d7": [11], "web.service": [10]}


def test_a_name_alone_asks_for_the_unit(proc, roster, spec, pids):
    proc.add(10, cgroup="0::/system.slice/web.service\n")
    assert pids(roster(spec("{unit}", name="*")).scan(0.0)) == {"web.service": [10]}


def test_an_exec_that_cannot_be_traced_is_seen_by_the_command_line(proc, roster, spec, pids):
    proc.add(10, stack=0)
    watched = roster(spec("web", cmdline="other"))
    watched.scan(0.0)
    proc.add(10, stack=0, cmdline=b"other\0")
    assert pids(watched.scan(5.1)) == {"web": [10]}


def test_a_headless_process_stays_over_a_reload(proc, roster, spec, pids):
    proc.add(10, cmdline=b"app\0x\0", threads=3)
    watched = roster(spec("web", cmdline="app x"))
    watched.scan(0.0)
    proc.add(10, cmdline=b"", exe=None, threads=3, state="Z", stack=0)
    watched.replace((spec("other", cmdline="other"), spec("new", cmdline="app x")))
    assert pids(watched.scan(1.0)) == {"other": [], "new": [10]}


def test_in_doubt_a_descendant_is_left_out(proc, roster, spec, pids, monkeypatch):
    proc.add(10, comm="server"), proc.add(11, comm="worker", ppid=10)

    def refuse(path, *, dir_fd=None):
        raise PermissionError

    monkeypatch.setattr("os.readlink", refuse)
    watched = roster(spec("web", name="server", children=True, exclude={"name": "worker", "exe": "/opt/*"}))
    assert pids(watched.scan(0.0)) == {"web": [10]}
    assert watched.report.denied == {"exe": 1}


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
