import pytest

from brimwatch.model import Limit
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.host import HostSampler

MB = 1_000_000
TOTAL = 1000 * MB // 1024 * 1024
AVAILABLE = 600 * MB // 1024 * 1024


def make(host: HostSampler, now: float) -> list[str]:
    reads = host.due(now)
    for slow in reads:
        host.accept(slow, slow.read(), now, 0.0)
    return [slow.source for slow in reads]


class TestMachine:
    def test_figures(self, machine):
        machine.psi(25.0)
        host = HostSampler(machine.procfs)
        sample = host.look(10.0)
        assert dict(sample.readings) == {
            Quantity.PRESSURE: (0.25, 10.0, 2.0),
            Quantity.SWAP: (1024 * 1024, 10.0, 1.0),
            Quantity.WORKING_SET: (TOTAL - AVAILABLE, 10.0, 1.0),
            Quantity.MEMORY_USED: (pytest.approx(0.4), 10.0, 1.0),
        }
        assert (sample.limit, sample.headroom, sample.cgroup) == (Limit(TOTAL, "machine"), AVAILABLE, None)
        assert (host.total, host.available, host.last) == (TOTAL, AVAILABLE, sample)
        assert host.pressure == {"some": 0.25, "full": 0.0}
        assert host.capable == {"meminfo": True, "pressure": True}
        assert host.due(10.0) == ()

    def test_it_shares_what_members_share(self, machine):
        cache = CgroupCache(machine.procfs)
        host = HostSampler(machine.procfs, cache)
        host.look(10.0)
        cache.machine.figures(10.0)
        assert machine.held() == 2  # meminfo and pressure, once

    def test_each_look_is_fresh(self, machine):
        host = HostSampler(machine.procfs)
        host.look(10.0)
        machine.meminfo(available=100 * MB)
        assert host.look(10.01).headroom == 100 * MB // 1024 * 1024

    def test_a_machine_that_fills_up(self, machine):
        host = HostSampler(machine.procfs)
        for second in range(70):
            machine.meminfo(available=600 * MB - second * 5 * MB)
            sample = host.look(100.0 + second)
        assert sample.value(Quantity.GROWTH) == pytest.approx(5 * MB, rel=0.05)
        assert sample.value(Quantity.TIME_TO_LIMIT) == pytest.approx(255 / 5, rel=0.1)
        assert host.fastest == pytest.approx(5 * MB, rel=0.05)

    def test_one_at_rest(self, machine):
        host = HostSampler(machine.procfs)
        for second in range(60):
            sample = host.look(100.0 + second)
        assert sample.value(Quantity.TIME_TO_LIMIT) == float("inf")

    def test_a_kernel_without_pressure_accounting(self, machine):
        (machine.proc / "pressure" / "memory").unlink()
        host = HostSampler(machine.procfs)
        assert Quantity.PRESSURE not in host.look(10.0).readings
        assert host.capable["pressure"] is False

    def test_hidden_meminfo_leaves_everything_missing(self, machine):
        (machine.proc / "meminfo").unlink()
        host = HostSampler(machine.procfs)
        sample = host.look(10.0)
        assert (sample.limit, sample.headroom, sample.value(Quantity.MEMORY_USED)) == (None, None, None)
        assert (host.total, host.available, host.capable["meminfo"]) == (None, None, False)

    def test_a_kernel_without_an_estimate_of_what_is_available(self, machine):
        (machine.proc / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 4 kB\n")
        sample = HostSampler(machine.procfs).look(10.0)
        assert (sample.limit, sample.headroom) == (Limit(1024000, "machine"), None)
        assert Quantity.MEMORY_USED not in sample.readings

    def test_a_service_with_a_limit_is_no_container(self, machine):
        machine.cgroup("/system.slice/brimwatch.service", limit=64 * MB, usage=30 * MB)
        host = HostSampler(machine.procfs)
        assert make(host, 10.0) == []
        assert host.look(10.1).limit == Limit(TOTAL, "machine")


class TestContainer:
    @pytest.fixture
    def host(self, machine):
        (machine.proc / "self" / "cgroup").write_text("0::/\n")
        machine.cgroup("/", limit=400 * MB, usage=300 * MB, inactive=50 * MB)
        return HostSampler(machine.procfs)

    def test_its_limit_is_that_of_the_host(self, host):
        assert make(host, 10.0) == ["cgroup", "pressure"]
        sample = host.look(10.5)
        assert (sample.limit, sample.headroom) == (Limit(400 * MB, "cgroup"), 150 * MB)
        assert sample.value(Quantity.WORKING_SET) == 250 * MB
        assert sample.value(Quantity.MEMORY_USED) == 0.625
        assert sample.value(Quantity.PRESSURE) == 0.05
        assert (host.total, host.available, host.pressure) == (400 * MB, 150 * MB, {"some": 0.05})
        assert host.capable["cgroup"] is True

    def test_until_that_is_known_the_machine_stands_in(self, host):
        assert host.look(10.0).limit == Limit(TOTAL, "machine")

    def test_one_without_a_limit_is_the_machine(self, machine):
        (machine.proc / "self" / "cgroup").write_text("0::/\n")
        machine.cgroup("/", usage=300 * MB)
        host = HostSampler(machine.procfs)
        make(host, 10.0)
        assert host.look(10.5).limit == Limit(TOTAL, "machine")

    def test_the_root_of_a_machine_is_no_container(self, machine):
        (machine.proc / "self" / "cgroup").write_text("0::/\n")
        host = HostSampler(machine.procfs)
        make(host, 10.0)
        assert host.look(10.5).limit == Limit(TOTAL, "machine")

    def test_it_gives_everything_back(self, host):
        make(host, 10.0)
        host.close()
        assert host.due(20.0) == ()
