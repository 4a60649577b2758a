"""Who belongs to which target, on fake trees: each rule is a case."""

import pytest

CASES = {
    "a match takes the processes that meet it": (
        [("web", {"name": "worker"})],
        {"web": [12, 13]},
    ),
    "the first target in file order has a process that several match": (
        [("one", {"name": "worker"}), ("two", {"name": "*er"})],
        {"one": [12, 13], "two": [11, 14]},
    ),
    "a target that matches nothing is there all the same": (
        [("none", {"name": "nobody"}), ("web", {"name": "worker"})],
        {"none": [], "web": [12, 13]},
    ),
    "a target of the host has no members": (
        [("host", {"host": True}), ("web", {"name": "worker"})],
        {"host": [], "web": [12, 13]},
    ),
    "children takes all descendants along": (
        [("web", {"name": "server", "children": True})],
        {"web": [11, 12, 13, 14]},
    ),
    "a descendant that matches an earlier target belongs to that": (
        [("jobs", {"name": "worker"}), ("web", {"name": "server", "children": True})],
        {"jobs": [12, 13], "web": [11, 14]},
    ),
    "a descendant that matches a later target is taken": (
        [("web", {"name": "server", "children": True}), ("jobs", {"name": "worker"})],
        {"web": [11, 12, 13, 14], "jobs": []},
    ),
    "an earlier target with children has the lower part of the family": (
        [("jobs", {"name": "worker", "children": True}), ("web", {"name": "server", "children": True})],
        {"jobs": [12, 13, 14], "web": [11]},
    ),
    "a later target with children inside an earlier one gets nothing": (
        [("web", {"name": "server", "children": True}), ("jobs", {"name": "worker", "children": True})],
        {"web": [11, 12, 13, 14], "jobs": []},
    ),
    "a process that an earlier target has is no root of a later one": (
        [("one", {"name": "server"}), ("two", {"name": "server", "children": True})],
        {"one": [11], "two": []},
    ),
    "not leaves out a descendant, and what descends from it is judged for itself": (
        [("web", {"name": "server", "children": True, "exclude": {"name": "worker"}})],
        {"web": [11, 14]},
    ),
    "not leaves out the process itself": (
        [("web", {"name": "*er", "exclude": {"name": "worker"}})],
        {"web": [11, 14]},
    ),
    "what is left out goes to a later target": (
        [("web", {"name": "server", "children": True, "exclude": {"name": "worker"}}), ("rest", {"name": "*"})],
        {"web": [11, 14], "rest": [1, 10, 12, 13]},
    ),
    "a PID takes that process": (
        [("one", {"pid": 12})],
        {"one": [12]},
    ),
    "a PID with children takes its family": (
        [("one", {"pid": 12, "children": True})],
        {"one": [12, 14]},
    ),
    "a PID with another key needs both": (
        [("one", {"pid": 12, "name": "server"}), ("two", {"pid": 12, "name": "worker"})],
        {"one": [], "two": [12]},
    ),
    "not a PID": (
        [("web", {"name": "worker", "exclude": {"pid": 12}})],
        {"web": [13]},
    ),
    "not a PID leaves out a descendant": (
        [("web", {"name": "server", "children": True, "exclude": {"pid": 12}})],
        {"web": [11, 13, 14]},
    ),
    "a PID further down the file takes what nobody above has": (
        [("web", {"name": "worker"}), ("one", {"pid": 12}), ("two", {"pid": 14})],
        {"web": [12, 13], "one": [], "two": [14]},
    ),
    "a template makes a target for each value": (
        [("{comm}", {"name": "*er"})],
        {"helper": [14], "server": [11], "worker": [12, 13]},
    ),
    "children of a template's target go with their root": (
        [("{comm}", {"name": "server", "children": True})],
        {"server": [11, 12, 13, 14]},
    ),
    "a descendant that meets the template itself has a target of its own": (
        [("{comm}", {"name": "*er", "children": True})],
        {"helper": [14], "server": [11], "worker": [12, 13]},
    ),
    "a descendant of two of a template's targets goes with the nearer one": (
        [("{comm}", {"name": "[sw]*er", "children": True})],
        {"server": [11], "worker": [12, 13, 14]},
    ),
    "a template does not take a configured name": (
        [("worker", {"name": "server"}), ("{comm}", {"name": "worker"})],
        {"worker": [11], "worker~2": [12, 13]},
    ),
    "a template that a process cannot fill leaves it to a later target": (
        [("{unit}", {"name": "worker"}), ("rest", {"name": "worker"})],
        {"rest": [12, 13]},
    ),
}


@pytest.mark.parametrize(("targets", "expected"), [pytest.param(*case, id=key) for key, case in CASES.items()])
def test_who_belongs_where(family, roster, spec, pids, targets, expected):
    watched = roster(*(spec(name, **match) for name, match in targets))
    assert expected == pids(watched.scan(0.0))
    assert expected == pids(watched.scan(1.0))


def roots(found):
    return {member.identity.pid: (member.is_root, member.parent_of_member) for member in found[0].members}


def test_the_topmost_member_is_the_root_and_parents_are_told(family, roster, spec):
    found = roster(spec("web", name="server", children=True)).scan(0.0)
    assert roots(found) == {11: (True, True), 12: (False, True), 13: (False, False), 14: (False, False)}


def test_members_that_all_match_by_themselves_have_one_root_as_well(family, roster, spec):
    found = roster(spec("web", name="*er")).scan(0.0)
    assert roots(found) == {11: (True, True), 12: (False, True), 13: (False, False), 14: (False, False)}


def test_a_gap_in_the_family_does_not_make_a_root(family, roster, spec):
    found = roster(spec("web", name="server", children=True, exclude={"name": "worker"})).scan(0.0)
    assert roots(found) == {11: (True, True), 14: (False, False)}


def test_a_process_that_was_forked_before_its_parent_by_number_is_found(proc, roster, spec, pids):
    proc.add(9000, comm="server", start=1000)
    proc.add(20, comm="worker", ppid=9000, start=2000)  # PIDs have gone round
    assert pids(roster(spec("web", name="server", children=True)).scan(0.0)) == {"web": [9000, 20]}


def test_a_circle_of_parents_ends(proc, roster, spec, pids):
    proc.add(20, comm="a", ppid=21)
    proc.add(21, comm="b", ppid=20)
    assert 20 in pids(roster(spec("web", name="a", children=True)).scan(0.0))["web"]


def test_zombies_belong_to_nobody(family, roster, spec, pids):
    watched = roster(spec("web", name="server", children=True))
    watched.scan(0.0)
    family.add(13, comm="worker", ppid=11, state="Z", stack=0)
    assert pids(watched.scan(1.0)) == {"web": [11, 12, 14]}
    family.add(15, comm="worker", ppid=11, state="Z", stack=0)
    assert pids(watched.scan(2.0)) == {"web": [11, 12, 14]}


def test_a_leader_that_ended_while_its_threads_live_stays(family, roster, spec, pids):
    watched = roster(spec("web", cmdline="worker"))
    assert pids(watched.scan(0.0)) == {"web": [12, 13]}
    family.add(13, comm="worker", ppid=11, state="Z", threads=4, stack=0, cmdline=b"", exe=None)
    assert pids(watched.scan(1.0)) == {"web": [12, 13]}
    assert pids(watched.scan(1000.0)) == {"web": [12, 13]}


def test_threads_of_the_kernel_belong_to_nobody_unless_their_pid_is_written(proc, roster, spec, pids):
    proc.add(2, comm="kthreadd", ppid=0, flags=0x208040, cmdline=b"", exe=None)
    proc.add(30, comm="kswapd0", ppid=2, flags=0x208040, cmdline=b"", exe=None)
    every = spec("every", name="*")
    assert pids(roster(every).scan(0.0)) == {"every": []}
    watched = roster(spec("swap", pid=30), spec("family", pid=2, children=True), every)
    assert pids(watched.scan(0.0)) == {"swap": [30], "family": [2], "every": []}
    assert pids(roster(spec("family", pid=2, children=True)).scan(0.0)) == {"family": [2]}


def test_a_pidfile_does_not_lead_to_a_thread_of_the_kernel(proc, roster, spec, pids, tmp_path):
    proc.add(30, comm="kswapd0", ppid=2, flags=0x208040, cmdline=b"", exe=None)
    (tmp_path / "x.pid").write_text("30\n")
    assert pids(roster(spec("x", pidfile=str(tmp_path / "x.pid"))).scan(0.0)) == {"x": []}


@pytest.fixture
def ourselves(proc):
    """A shell (10) runs Brimwatch (20): a helper of ours (21) with a child (22), a command under guard (23, 24)."""
    proc.add(10, comm="sh")
    proc.add(20, comm="brimwatch", ppid=10)
    proc.add(21, comm="python3", ppid=20)
    proc.add(22, comm="py-spy", ppid=21)
    proc.add(23, comm="job", ppid=20)
    proc.add(24, comm="step", ppid=23)
    return proc


OURS = {
    "we and what we start belong to nobody": (
        [("every", {"name": "*"})],
        {"every": [10]},
    ),
    "not even as children of a shell": (
        [("shell", {"name": "sh", "children": True})],
        {"shell": [10]},
    ),
    "unless the PID is written": (
        [("self", {"pid": 20})],
        {"self": [20]},
    ),
    "children of ours then, too": (
        [("self", {"pid": 20, "children": True})],
        {"self": [20, 21, 22, 23, 24]},
    ),
    "a command under guard is there by its PID, with its children": (
        [("job", {"pid": 23, "children": True}), ("every", {"name": "*"})],
        {"job": [23, 24], "every": [10]},
    ),
    "what a command under guard starts may belong to others": (
        [("job", {"pid": 23}), ("every", {"name": "*"})],
        {"job": [23], "every": [10, 24]},
    ),
}


@pytest.mark.parametrize(("targets", "expected"), [pytest.param(*case, id=key) for key, case in OURS.items()])
def test_we_do_no_harm_to_ourselves(ourselves, roster, spec, pids, targets, expected):
    watched = roster(*(spec(name, **match) for name, match in targets), own_pid=20)
    assert expected == pids(watched.scan(0.0))
    assert expected == pids(watched.scan(1.0))


def test_a_pidfile_does_not_lead_to_ourselves(ourselves, roster, spec, pids, tmp_path):
    (tmp_path / "x.pid").write_text("21\n")
    watched = roster(spec("x", pidfile=str(tmp_path / "x.pid")), own_pid=20)
    assert pids(watched.scan(0.0)) == {"x": []}
