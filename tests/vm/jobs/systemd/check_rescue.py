"""Is a unit with MemoryMax saved from its OOM kill, and is put back what was changed, whatever ends the daemon?"""

from pathlib import Path

from harness import until
from unit import CGROUP, Check, events, service, shell, show, use

LIMITED = "MemoryMax=150M\nOOMPolicy=stop"
RESCUE = """
targets:
  - name: app
    match: {unit: app.service}
    policy: {cooldown: 500ms, tiers: {critical: {when: {working_set: 70%, time_to_limit: 2s}, do: [ask]}}}
actions:
  ask: HOW
"""
BRAKE = """
global: {interval: 200ms}
targets:
  - name: app
    match: {unit: app.service}
    policy: {cooldown: 1h, tiers: {critical: {when: {rss: 20MB}, do: [brake, ceiling]}}}
actions:
  brake: {cgroup: {memory.high: 90%}, max: 10s}
  ceiling: {rlimit: {data: +200MB}}
"""
HIGH = CGROUP / "app.service" / "memory.high"


def kills() -> int:
    lines = (CGROUP / "app.service" / "memory.events").read_text().splitlines()
    return int(dict(line.split() for line in lines)["oom_kill"])


def took_everything() -> bool:
    assert show("ActiveState", "app") == "active", shell("systemctl status app; true")
    return "took 600 MB" in shell("journalctl -q -o cat -u app _SYSTEMD_INVOCATION_ID=" + show("InvocationID", "app"))


def check_without() -> None:
    with Check("without Brimwatch the unit is killed at its MemoryMax"):
        shell("systemctl stop brimwatch")
        service("app", "app.py signal 40 20 600", LIMITED)
        until(lambda: show("Result", "app") == "oom-kill", 60)


def check_saved(how: str, kind: str, action: str, *drop_ins: str) -> None:
    with Check(f"with Brimwatch, {how}, it takes four times its MemoryMax and lives"):
        use(*drop_ins, config=RESCUE.replace("HOW", action))
        service("app", f"app.py {kind} 40 20 600", LIMITED)
        until(took_everything, 120)
        ran = events("action_ran", "app")
        assert kills() == 0
        assert ran
        assert events("oom_killed", "app") == []
        print(
            f"    asked {len(ran)} times, {sum(one['reclaimed_bytes'] for one in ran) / 1e6:.0f} MB came back",
            flush=True,
        )


def check_a_stop() -> None:
    with Check("a stop puts back what was changed"):
        pid = braked()
        shell("systemctl stop brimwatch")
        assert_put_back(pid)


def check_a_kill() -> None:
    with Check("after SIGKILL the next start puts back what was changed"):
        pid = braked()
        killed = show("InvocationID")
        shell("systemctl kill -s KILL brimwatch")
        until(lambda: show("InvocationID") != killed and events("action_undone"), 30)
        assert {one["reason"] for one in events("action_undone")} == {"restart"}, events("action_undone")
        assert_put_back(pid)


def braked() -> int:
    """A unit that holds memory, with brake and ceiling in force; its PID."""
    pid = service("app", "app.py signal 60 1 60", LIMITED)
    use("10-actions.conf", config=BRAKE)
    until(lambda: HIGH.read_text().strip() != "max" and data_limit(pid) != "unlimited", 30)
    assert list(Path("/run/brimwatch/undo").iterdir()) != []
    assert events("run_dir_warned") == []
    return pid


def data_limit(pid: int) -> str:
    """The soft RLIMIT_DATA of a process."""
    return next(line.split()[3] for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "data size" in line)


def assert_put_back(pid: int) -> None:
    assert HIGH.read_text().strip() == "max"
    assert data_limit(pid) == "unlimited"
    assert list(Path("/run/brimwatch/undo").iterdir()) == []


check_without()
check_saved("which has no capability at all, by a hook", "agent", "{hook: {names: [cache]}}")
check_saved("by a signal", "signal", "{signal: SIGUSR1, settle: 100ms}", "10-actions.conf")
check_a_stop()
check_a_kill()
