"""Who stays when parents end or exec, on fake trees."""


def roots(found):
    return {member.identity.pid: (member.is_root, member.parent_of_member) for member in found[0].members}


def test_an_orphan_stays_for_as_long_as_it_lives(family, roster, spec, pids):
    watched = roster(spec("web", name="server", children=True))
    watched.scan(0.0)
    family.remove(12)
    family.add(14, comm="helper", ppid=1)
    assert pids(watched.scan(1.0)) == {"web": [11, 13, 14]}
    assert pids(watched.scan(100.0)) == {"web": [11, 13, 14]}
    family.remove(14)
    assert pids(watched.scan(101.0)) == {"web": [11, 13]}


def test_an_orphan_is_no_root_while_the_root_lives_and_one_when_it_has_gone(family, roster, spec):
    watched = roster(spec("web", name="server", children=True))
    watched.scan(0.0)
    family.remove(12)
    family.add(14, comm="helper", ppid=1)
    assert roots(watched.scan(1.0))[14] == (False, False)
    family.remove(11)
    family.add(13, comm="worker", ppid=1)
    assert roots(watched.scan(2.0)) == {13: (True, False), 14: (True, False)}


def test_an_orphan_takes_its_own_children_along(family, roster, spec, pids):
    watched = roster(spec("web", name="server", children=True))
    watched.scan(0.0)
    for pid in (11, 12, 13):
        family.remove(pid)
    family.add(14, comm="helper", ppid=1)
    family.add(15, comm="grep", ppid=14, start=2000)
    assert pids(watched.scan(1.0)) == {"web": [14, 15]}


def test_an_orphan_that_execs_into_an_earlier_target_goes_there(family, roster, spec, pids):
    watched = roster(spec("grep", name="grep"), spec("web", name="server", children=True), spec("cut", name="cut"))
    watched.scan(0.0)
    family.remove(12)
    family.add(14, comm="cut", ppid=1, stack=5)
    assert pids(watched.scan(1.0)) == {"grep": [], "web": [11, 13, 14], "cut": []}
    family.add(14, comm="grep", ppid=1, stack=6)
    assert pids(watched.scan(2.0)) == {"grep": [14], "web": [11, 13], "cut": []}


def test_an_orphan_that_execs_into_what_is_left_out_goes(family, roster, spec, pids):
    watched = roster(spec("web", name="server", children=True, exclude={"name": "cut"}))
    watched.scan(0.0)
    family.remove(12)
    family.add(14, comm="cut", ppid=1, stack=5)
    assert pids(watched.scan(1.0)) == {"web": [11, 13]}


def test_a_family_stays_when_its_root_execs_into_something_else(family, roster, spec, pids):
    watched = roster(spec("web", name="server", children=True))
    watched.scan(0.0)
    family.add(11, comm="other", ppid=10, stack=5)
    assert pids(watched.scan(1.0)) == {"web": [12, 13, 14]}


def test_a_process_that_matched_by_itself_goes_when_it_execs_into_something_else(family, roster, spec, pids):
    watched = roster(spec("web", name="worker"))
    watched.scan(0.0)
    family.add(12, comm="other", ppid=11, stack=5)
    assert pids(watched.scan(1.0)) == {"web": [13]}


def test_an_orphan_without_children_true_stays_by_its_match_alone(family, roster, spec, pids):
    watched = roster(spec("web", name="*er"))
    watched.scan(0.0)
    family.remove(12)
    family.add(14, comm="helper", ppid=1)
    assert pids(watched.scan(1.0)) == {"web": [11, 13, 14]}
    family.add(14, comm="cut", ppid=1, stack=5)
    assert pids(watched.scan(2.0)) == {"web": [11, 13]}


def test_one_that_matched_by_itself_is_a_descendant_as_well(family, roster, spec, pids):
    watched = roster(spec("web", name="*er", children=True))
    watched.scan(0.0)
    family.remove(11)
    family.add(12, comm="cut", ppid=1, stack=5)
    family.add(13, comm="worker", ppid=1)
    assert pids(watched.scan(1.0)) == {"web": [12, 13, 14]}
