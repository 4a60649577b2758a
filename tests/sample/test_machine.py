from brimwatch.sample.machine import Machine

MB = 1_000_000


def test_figures_are_shared_for_a_moment_and_then_read_anew(machine):
    machine.meminfo(available=600 * MB)
    shared = Machine(machine.procfs)
    first = shared.figures(10.0)
    machine.meminfo(available=100 * MB)
    assert shared.figures(10.1) is first
    later = shared.figures(10.3)
    assert later is not None
    assert later.available == 100 * MB // 1024 * 1024


def test_who_asks_for_the_present_gets_it(machine):
    shared = Machine(machine.procfs)
    shared.figures(10.0)
    machine.meminfo(available=100 * MB)
    assert shared.figures(10.1, 0.0).available == 100 * MB // 1024 * 1024


def test_what_cannot_be_read_is_missing_with_a_reason(tmp_path):
    shared = Machine(str(tmp_path))
    assert (shared.figures(10.0), shared.pressure(10.0)) == (None, None)
    assert sorted(shared.failures) == ["meminfo", "pressure"]


def test_what_can_be_read_again_has_no_reason_any_more(machine):
    meminfo = machine.proc / "meminfo"
    text = meminfo.read_text()
    shared = Machine(machine.procfs)
    meminfo.write_text("MemTotal: lots\n")
    assert shared.figures(10.0) is None
    meminfo.write_text(text)
    assert shared.figures(11.0) is not None
    assert shared.failures == {}


def test_pressure_is_read_each_two_seconds(machine):
    shared = Machine(machine.procfs)
    assert shared.pressure(10.0).some_avg10 == 0.0
    machine.psi(50.0)
    assert shared.pressure(11.9).some_avg10 == 0.0
    assert shared.pressure(12.0).some_avg10 == 0.5
    assert shared.pressure_at == 12.0
