"""Does what happens in a real cgroup v2 wake the daemon long before its next look? Its interval is 30 s here."""

import subprocess
import sys
import time

from harness import Daemon, Target, scene, until

CONFIG = """
global: {{interval: 30s, run_dir: /run/brimwatch}}
targets: [{{name: hoard, match: {{pid: {pid}}}, policy: watched}}]
policies: {{watched: {{tiers: {{critical: {{when: {{working_set: 99%}}}}}}}}}}
"""
# Joins the cgroup, waits for a word, and takes memory until the kernel ends it: it is the largest there.
BURST = """
import sys
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
print("ready", flush=True)
input()
kept = []
while True: kept.append(bytearray(b"x") * 1000000)
"""


def burst(target: Target) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", BURST, str(target.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def check_a_kill_in_the_cgroup_is_told_at_once() -> None:
    with scene("a kill beside the target wakes the daemon") as target:
        target.say("hold 20")
        brimwatch = Daemon(CONFIG.format(pid=target.process.pid))
        neighbour = burst(target)
        time.sleep(35.0)  # the second look sees the limit that was read after the first; the third is far off
        assert neighbour.stdin is not None
        neighbour.stdin.write("\n")
        neighbour.stdin.flush()
        neighbour.wait(60)
        killed, seen = time.monotonic(), until(lambda: brimwatch.events("oom_killed"), 10)
        print(f"told after {time.monotonic() - killed:.2f} s: {seen[0]}", flush=True)
        assert seen[0]["evidence"] == "cgroup", seen
        brimwatch.end()


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
