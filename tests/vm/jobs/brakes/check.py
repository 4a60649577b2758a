"""Do brake, squeeze and ceiling do what they say in a real cgroup v2, and is everything put back, come what may?"""

import re
import resource
import signal
import subprocess
import sys
import time

from harness import Daemon, Target, Watcher, scene, until

CONFIG = """
global: {{interval: 100ms, run_dir: /run/brimwatch}}
targets: [{{name: hoard, match: {{pid: {pid}}}, policy: steep}}]
policies: {{steep: {{cooldown: 60s, tiers: {{critical: {{when: {{working_set: 40%}}, do: [{rungs}]}}}}}}}}
actions:
  brake:   {{cgroup: {{memory.high: 60%}}, max: {lasts}}}
  near:    {{cgroup: {{memory.high: 43%}}, max: {lasts}}}
  low:     {{cgroup: {{memory.high: 10%}}, max: {lasts}}}
  squeeze: {{cgroup: {{memory.reclaim: 50MB}}}}
  ceiling: {{rlimit: {{data: +60MB}}}}
"""


def daemon(target: Target, rungs: str, lasts: str = "10s", *before: str) -> Daemon:
    return Daemon(CONFIG.format(pid=target.process.pid, rungs=rungs, lasts=lasts), *before)


def data_limit(target: Target) -> int:
    return resource.prlimit(target.process.pid, resource.RLIMIT_DATA)[0]


def check_a_brake_is_above_the_usage_and_ends_at_its_max() -> None:
    with scene("a brake on a growing target is above its usage and ends at its max") as target:
        brimwatch = daemon(target, "brake", "2s")
        watcher = Watcher(target)
        target.say("grow 40")
        until(lambda: watcher.seen)
        undone = until(lambda: brimwatch.events("action_undone"))[0]
        seen = watcher.finish()
        assert [high >= usage for usage, high in seen] == [True], seen
        assert seen[0][1] <= 300 * 1048576 * 0.6 + 8192, seen
        assert (undone["action"], undone["reason"], target.high) == ("brake", "max", None), undone
        assert undone["held_seconds"] >= 2.0, undone
        brimwatch.end()


def answers(target: Target, rate: int, count: int = 6) -> list[float]:
    """Seconds until a target that goes on growing has answered, in order of length."""
    found = []
    for _ in range(count):
        began = time.monotonic()
        target.say(f"grow {rate}")
        found.append(time.monotonic() - began)
        time.sleep(0.2)
    return sorted(found)


def check_a_brake_slows_growth_and_what_that_costs() -> None:
    with scene("a brake slows growth, its end says by how much, and a busy target answers late under it") as target:
        brimwatch = daemon(target, "near")
        target.say("grow 10")
        free = answers(target, 10)
        until(lambda: target.high and target.usage >= 0.99 * target.high, 90)
        braked = answers(target, 10)
        undone = until(lambda: brimwatch.events("action_undone"))[0]
        brimwatch.end()
        print(f"    {undone['detail']}", flush=True)
        print(
            f"    answers in {free[0]:.3f} to {free[-1]:.3f} s, braked {braked[0]:.3f} to {braked[-1]:.3f} s",
            flush=True,
        )
        found = re.search(r"growth ([\d.]+) (.)B/s before, (-?[\d.]+) (.)B/s under it", undone["detail"])
        assert found, undone
        units = {"k": 1e3, "M": 1e6}
        before, since = float(found[1]) * units[found[2]], float(found[3]) * units[found[4]]
        assert since < 0.8 * before, undone
        assert undone["reason"] == "max", undone


def check_a_brake_below_the_usage_is_raised_above_it() -> None:
    with scene("a brake that was meant lower is set above the usage all the same") as target:
        target.say("hold 150")
        watcher = Watcher(target)
        brimwatch = daemon(target, "low")
        until(lambda: watcher.seen)
        seen = watcher.finish()
        assert [high >= usage for usage, high in seen] == [True], seen
        assert all(high - usage < 20e6 for usage, high in seen), seen
        brimwatch.end()
        assert brimwatch.events("action_undone")[0]["reason"] == "stopped"
        assert target.high is None


def check_recovery_takes_it_back() -> None:
    with scene("recovery takes a brake and a ceiling back at once") as target:
        brimwatch = daemon(target, "brake, ceiling")
        target.say("hold 150")
        until(lambda: target.high and data_limit(target) > 0)
        target.say("give")
        undone = until(lambda: [*brimwatch.events("action_undone")][1:] and brimwatch.events("action_undone"))
        assert sorted((one["action"], one["reason"]) for one in undone) == [
            ("brake", "recovered"), ("ceiling", "recovered"),
        ], undone  # fmt: skip
        assert (target.high, data_limit(target)) == (None, resource.RLIM_INFINITY)
        brimwatch.end()


def check_a_killed_daemon_is_cleared_up_after() -> None:
    with scene("what a killed daemon left in force is undone by the next one at once") as target:
        target.say("hold 150")
        brimwatch = daemon(target, "brake, ceiling")
        until(lambda: target.high and data_limit(target) > 0)
        brimwatch.end(signal.SIGKILL)
        assert target.high is not None
        target.say("give")
        brimwatch = daemon(target, "brake, ceiling")
        undone = until(lambda: brimwatch.events("action_undone")[1:] and brimwatch.events("action_undone"))
        assert {one["reason"] for one in undone} == {"restart"}, undone
        assert (target.high, data_limit(target)) == (None, resource.RLIM_INFINITY)
        brimwatch.end()


def check_a_cgroup_with_others_in_it_is_left_alone() -> None:
    with scene("a cgroup that holds somebody else is not braked") as target:
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        target.add(other.pid)
        target.say("hold 150")
        brimwatch = daemon(target, "brake, squeeze")
        refused = until(lambda: brimwatch.events("action_suppressed")[1:] and brimwatch.events("action_suppressed"))
        assert [one["reason"] for one in refused] == ["protected", "protected"], refused
        assert target.high is None
        brimwatch.end()
        other.communicate(b"\n")


def check_a_cgroup_that_only_the_target_sees_is_reached_through_its_root() -> None:
    with scene("a cgroup that only the target sees is reached through its root, after SIGKILL too") as target:
        target.say("hold 150")
        hidden = ("unshare", "-m", "sh", "-c", 'umount -l /sys/fs/cgroup && exec "$@"', "sh")
        brimwatch = daemon(target, "brake", "10s", *hidden)
        until(lambda: target.high)
        brimwatch.end(signal.SIGKILL)
        assert target.high is not None
        target.say("give")
        brimwatch = daemon(target, "brake", "10s", *hidden)
        until(lambda: brimwatch.events("action_undone"))
        assert target.high is None
        brimwatch.end()


def check_a_read_only_mount_is_denied() -> None:
    with scene("a cgroup mounted read-only, as by ProtectControlGroups, is denied") as target:
        target.say("hold 150")
        guarded = ("unshare", "-m", "sh", "-c", 'mount -o remount,bind,ro /sys/fs/cgroup && exec "$@"', "sh")
        brimwatch = daemon(target, "brake, squeeze", "10s", *guarded)
        failed = until(lambda: brimwatch.events("action_failed")[1:] and brimwatch.events("action_failed"))
        assert [one["reason"] for one in failed] == ["denied", "denied"], failed
        assert "ProtectControlGroups" in failed[0]["detail"], failed
        assert target.high is None
        brimwatch.end()


def check_the_end_of_the_target_takes_the_brake_from_its_cgroup() -> None:
    with scene("the end of the target takes the brake from its cgroup") as target:
        target.say("hold 150")
        brimwatch = daemon(target, "brake")
        until(lambda: target.high)
        target.process.kill()
        undone = until(lambda: brimwatch.events("action_undone"))[0]
        assert undone["reason"] in ("gone", "recovered"), undone  # its memory goes a moment before it does
        assert target.high is None
        brimwatch.end()


def check_squeeze_takes_clean_pages() -> None:
    with scene("squeeze takes file pages from a cgroup") as target:
        writer = subprocess.Popen(
            ["/bin/sh", "-c", "read _; dd if=/dev/zero of=/var/filled bs=1M count=120 conv=fsync 2>&-; echo; read _"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        target.add(writer.pid)
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        writer.stdout.readline()
        writer.communicate(b"\n")
        before = target.usage
        target.say("hold 150")
        brimwatch = daemon(target, "squeeze")
        ran = until(lambda: brimwatch.events("action_ran"))[0]
        brimwatch.end()
        assert before > 100e6, before
        assert before + 150e6 - target.usage > 40e6, (before, target.usage, ran)
        print(f"    {ran['detail']}", flush=True)


def check_a_ceiling_is_a_memory_error_and_no_kill() -> None:
    with scene("a ceiling makes a MemoryError of what would have been the OOM killer") as target:
        brimwatch = daemon(target, "ceiling")
        target.say("grow 60")
        target.expect("MemoryError")
        assert (target.kills, target.process.poll()) == (0, None)
        until(lambda: brimwatch.events("action_undone"))
        assert data_limit(target) == resource.RLIM_INFINITY
        target.say("hold 160")
        brimwatch.end()


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
