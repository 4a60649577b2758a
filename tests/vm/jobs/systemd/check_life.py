"""Is the unit installed by its page alone, does it start, reload and end in order, and is it revived when it stalls?"""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from harness import until
from unit import CONFIG, Check, events, fetch, install, journal, now, service, shell, show, use

WATCHING = """
targets:
  - name: app
    match: {unit: app.service}
    policy: {cooldown: 1h, tiers: {warning: {when: {rss: 20MB}, do: [nudge]}}}
actions:
  nudge: {signal: SIGUSR2}
"""
STALL = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: stall())

def stall():
    time.sleep(600)
"""


def check_the_page() -> None:
    with Check("installed by its page alone: active, ready, and its figures are there"):
        install()
        assert show("ActiveState") == "active"
        until(lambda: 'brimwatch_target_up{target="dbus.service"} 1' in fetch())
        assert show("StatusText").startswith("watching "), show("StatusText")
        main = show("MainPID")
        found = {
            "user": Path(f"/proc/{main}").owner(),
            "oom_score_adj": Path(f"/proc/{main}/oom_score_adj").read_text().strip(),
            "capabilities": Path(f"/proc/{main}/status").read_text().split("CapEff:\t")[1].split()[0],
        }
        assert found == {"user": "brimwatch", "oom_score_adj": "-900", "capabilities": "0" * 16}, found
        assert {show(f"Memory{name}") for name in ("Min", "Max", "SwapMax")} == {"67108864", "134217728", "0"}
        assert shell("cat /sys/fs/cgroup/brimwatch.slice/memory.min").strip() == "67108864"  # else ours would be void


def check_it_is_small() -> None:
    with Check("the unit stays within what it was given"):
        peak = int(Path("/sys/fs/cgroup/brimwatch.slice/brimwatch.service/memory.peak").read_text())
        tasks = int(show("TasksCurrent"))
        print(f"    memory.peak {peak / 1e6:.1f} MB of 134.2, {tasks} tasks of 32", flush=True)
        assert peak < 100e6
        assert tasks < 16


def check_a_changed_file() -> None:
    with Check("a changed file is in force without a word; a bad one is told, and the last good one stays"):
        use(config=WATCHING)
        until(lambda: events("config_loaded"))
        CONFIG.write_text(WATCHING.replace("20MB", "10GB"))
        until(lambda: events("config_reloaded"))
        CONFIG.write_text("targets: nonsense")
        shell("systemctl reload brimwatch")
        until(lambda: events("config_rejected"))
        until(lambda: "the last good one is in force" in show("StatusText"))
        assert show("ActiveState") == "active"
        assert "brimwatch_config_last_reload_successful 0" in fetch()
        CONFIG.write_text(WATCHING)
        shell("systemctl reload brimwatch")
        until(lambda: show("StatusText") == "watching 1 targets")
        assert show("NRestarts") == "0"


def tier() -> str:
    return str(json.loads(fetch("/api/v1/targets/app"))["tier"])


def check_the_watchdog() -> None:
    with Check("a stalled loop is ended by the watchdog, says where it stood, and goes on from what it knew"):
        stalling = Path("/run/stalling")
        stalling.mkdir(exist_ok=True)
        (stalling / "sitecustomize.py").write_text(STALL)
        service("app", "app.py signal 30 1 30")
        use(config=WATCHING, extra=f"Environment=PYTHONPATH={stalling}")
        until(lambda: tier() == "warning")
        until(lambda: events("action_suppressed", "app"))  # it does not catch SIGUSR2; now the ladder cools down
        first, began = show("InvocationID"), now()
        os.kill(int(show("MainPID")), 10)
        until(lambda: show("NRestarts") == "1", 90)
        until(lambda: show("ActiveState") == "active" and events("daemon_started"), 60)
        said = journal(began)
        assert "Watchdog timeout (limit 30s)" in said, said
        assert 'sitecustomize.py", line 6 in stall' in said, said  # the stack of what stalled
        assert events("daemon_started")[0]["last_run"] == "crashed", events("daemon_started")
        until(lambda: tier() == "warning")
        assert len(events("tier_entered", "app", first)) == 1
        assert events("tier_entered", "app") == []  # it never left it
        assert [one for one in events("action_suppressed", "app") if one["reason"] != "cooldown"] == []


def check_a_stopped_process() -> None:
    with Check("a process that is stopped as a whole is ended and started again as well"):
        use(extra="WatchdogSec=5")
        os.kill(int(show("MainPID")), 19)
        until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active", 90)
        use()


def check_an_instance() -> None:
    with Check("an instance beside it has its own file, state and address"):
        Path("/etc/brimwatch/second.yaml").write_text("targets: [{name: second, match: {unit: app.service}}]")
        Path("/etc/default/brimwatch-second").write_text(
            'BRIMWATCH_OPTIONS="--web.listen-address 127.0.0.1:9848 --log.format json"\n'
        )
        shell("systemctl start brimwatch@second")
        until(lambda: 'brimwatch_target_up{target="second"} 1' in fetch(port=9848))
        assert Path("/var/lib/brimwatch-second/journal.sqlite3").exists()
        assert show("ActiveState") == "active"
        shell("systemctl stop brimwatch@second")


def check_the_token() -> None:
    with Check("the token is a credential, which nobody else can read, and nothing is warned of"):
        shell("umask 077; head -c 24 /dev/urandom | base64 >/etc/brimwatch/token")
        use("30-token.conf")
        token = Path("/etc/brimwatch/token").read_text().strip()
        answers = []
        for shown in ("wrong", token):
            try:
                answers.append(post("/-/reload", {"Authorization": f"Bearer {shown}"}))
            except urllib.error.HTTPError as error:
                answers.append(error.code)
        assert answers == [401, 200], answers
        assert events("web_warned") == []
        use()


def post(path: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:9847{path}", data=b"", headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(answer.status)


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
