"""Does what happens in a real cgroup v2 wake the daemon long before its next look? Its interval is 20 s here.

The target reserves addresses, which only a look sees: no glance reads them, and 100 GB are too far off to hurry for.
"""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial

from harness import Daemon, Target, scene, until

INTERVAL = 20.0
SOON = 10.0  # seconds, of a slow machine, that are still far from the next look
WEB = "127.0.0.1:9847"
CONFIG = """
global: {{interval: 20s, run_dir: /run/brimwatch}}
targets: [{{name: hoard, match: {{pid: {pid}}}, policy: watched}}]
policies: {{watched: {{tiers: {{critical: {{when: {{vms: 100GB}}}}}}}}}}
"""
# Joins the cgroup, and waits for a word.
NEIGHBOUR = """
import os, sys, time
folder = sys.argv[1]
open(folder + "/cgroup.procs", "w").write("0")
print("ready", flush=True)
input()
"""
# Takes memory until the kernel ends it: it is the largest there.
BURST = f"""{NEIGHBOUR}
kept = []
while True: kept.append(bytearray(b"x") * 1000000)
"""
# Takes some, slower and slower.
STALL = f"""{NEIGHBOUR}
end, kept = time.monotonic() + 3, []
while time.monotonic() < end and len(kept) < 100: kept.append(bytearray(b"x") * 1000000)
"""


def neighbour(program: str, target: Target) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", program, str(target.folder)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def rows() -> dict[str, str]:
    """brimwatch_collector_capable of the two that wake, once a look has set them; an empty dictionary before."""
    with urllib.request.urlopen(f"http://{WEB}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found = re.findall(r'^brimwatch_collector_capable\{target="hoard",collector="(\w+)"\} (\S+)', text, re.MULTILINE)
    woken = {name: value for name, value in found if name in ("psi", "memory_events")}
    return woken if len(woken) == 2 else {}


def stalled(target: Target) -> int:
    """Microseconds in which some task of its cgroup has waited for memory."""
    text = (target.folder / "memory.pressure").read_text()
    return int(re.search(r"^some .*total=(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]


def woken(target: Target, brimwatch: Daemon, process: "subprocess.Popen[str]", told: Callable[[], object]) -> None:
    """It sleeps through what the target does; then the neighbour does something, and it looks, and has `told`."""
    began = time.monotonic()  # a look was taken at most a moment ago
    target.say("reserve 200000")
    time.sleep(3.0)
    assert brimwatch.events("tier_entered") == [], "nothing has happened to wake it"
    go(process)
    happened = time.monotonic()
    until(told, SOON)
    after = time.monotonic() - happened
    until(lambda: brimwatch.events("tier_entered"), SOON)
    assert time.monotonic() - began < INTERVAL - 2.0, "it may have looked because it was time"
    print(f"    told after {after:.2f} s", flush=True)


def check_stalls_alone() -> None:
    """What is over the memory.high of a cgroup around it waits in its own, whose memory.events tell nothing of that."""
    with scene("stalls in the cgroup, of which memory.events knows nothing, wake the daemon", "around") as target:
        process = neighbour(STALL, target)
        brimwatch = Daemon(CONFIG.format(pid=target.process.pid), web=WEB)
        found = until(rows, 60)
        assert found == {"psi": "1", "memory_events": "1"}, found
        events, waited = (target.folder / "memory.events").read_text(), stalled(target)
        (target.folder.parent / "memory.high").write_text(str(target.usage + 4096 * 256))
        woken(target, brimwatch, process, partial(brimwatch.events, "tier_entered"))
        (target.folder.parent / "memory.high").write_text("max")
        process.wait(60)
        waited = stalled(target) - waited
        print(f"    {waited / 1e6:.2f} s waited for memory", flush=True)
        assert waited > 50_000, "less than 5 % of a second is no pressure"
        assert (target.folder / "memory.events").read_text() == events
        brimwatch.end()


def check_a_kill_alone() -> None:
    name = "a kill in the cgroup wakes a daemon that may not ask for its pressure"
    with scene(name) as target:
        process = neighbour(BURST, target)
        cover = f'mount --bind /etc/hostname {target.folder}/memory.pressure && exec "$@"'
        brimwatch = Daemon(CONFIG.format(pid=target.process.pid), "unshare", "-m", "sh", "-c", cover, "sh", web=WEB)
        found = until(rows, 60)
        assert found == {"psi": "0", "memory_events": "1"}, found
        woken(target, brimwatch, process, partial(brimwatch.events, "oom_killed"))
        (told,) = brimwatch.events("oom_killed")
        assert (told["evidence"], told["count"], target.kills) == ("cgroup", 1, 1), told
        brimwatch.end()


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
