"""Do reclaim and drill get memory back from a real process, and say plainly what became of it?"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.act.sinks import answer, sink
from tests.live.daemon_run import Daemon, grower, start_daemon

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 200ms{more}}}
targets:
  - {{name: cache, match: {{{match}}}, policy: ladder}}
  - {{name: nobody, match: {{pidfile: /nonexistent/pid}}, policy: ladder}}
policies:
  ladder:
    cooldown: 1h
    tiers:
      warning:   {{when: {{rss: 50MB}}}}
      critical:  {{when: {{rss: {critical}}}, do: [{do}]}}
      emergency: {{when: {{rss: 990MB}}, tell: [stacks], do: [never, hooks, restart]}}
actions:
  ask:     {{signal: SIGUSR1, settle: {settle}}}
  never:   {{signal: SIGUSR1, only_if: {{rss: 980MB}}}}
  hooks:   {{hook: {{}}}}
  restart: {{signal: SIGTERM, grace: 5s, then: SIGKILL}}
{hooks}"""


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    def run(match: str, *arguments: str, **given: str) -> Daemon:
        text = CONFIG.format(
            **{"match": match, "more": "", "critical": "950MB", "settle": "500ms", "do": "ask, restart", "hooks": ""}
            | given
        )
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text, arguments)
        assert wait_until(lambda: daemon.metric("brimwatch_target_resident_memory_bytes", target="cache"), 10.0)
        return daemon

    return run


def command(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **environ}
    return subprocess.run(
        [sys.executable, "-m", "brimwatch", *words], capture_output=True, text=True, timeout=60, env=environment
    )


def post(url: str, body: bytes = b"") -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_reclaim_asks_a_calm_target_and_prints_what_came_back(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    target.say("hold 150")
    daemon = start(f"pid: {target.pid}")
    ended = command("reclaim", "cache", "--url", daemon.url)
    target.expect("caught SIGUSR1")
    lines = ended.stdout.splitlines()

    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines[0].startswith("cache: ask won back 15")
    assert lines[0].endswith(f"; SIGUSR1 to {target.pid} (python)")
    assert lines[1] == "left out: restart (not cooperative: only the target's own ladder runs it)"
    assert lines[2].startswith("cache: won back 15")
    assert lines[2].endswith(" by 1 rung of critical")
    (event,) = daemon.events("action_ran")
    assert event["facts"]["detail"] == f"by hand; SIGUSR1 to {target.pid} (python)"
    labels = {"target": "cache", "tier": "critical", "action": "ask"}
    assert daemon.metric("brimwatch_actions_total", **labels) == 1
    assert daemon.metric("brimwatch_action_reclaimed_bytes_total", **labels) == event["facts"]["reclaimed_bytes"]
    assert event["facts"]["reclaimed_bytes"] > 145_000_000


def test_a_second_reclaim_wins_nothing_and_says_so_and_no_cooldown_is_in_its_way(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}")
    first, second = (command("reclaim", "cache", "--url", daemon.url) for _ in range(2))

    assert [first.returncode, second.returncode] == [0, 0]
    assert second.stdout.splitlines()[-1] == "cache: 0 bytes won back by 1 rung of critical"


def test_a_drill_runs_what_asks_and_rehearses_the_rest(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}")
    ended = command("drill", "cache", "--tier", "emergency", "--url", daemon.url, "--format", "json")
    report = json.loads(ended.stdout)
    rungs = report["members"][0]["rungs"]

    assert ended.returncode == 1, "no rung ran: one waits for its condition, the other for an agent"
    assert [(rung["action"], rung["rung"], rung["outcome"], rung.get("reason")) for rung in rungs] == [
        ("stacks", 0, "rehearsed", None),
        ("never", 1, "suppressed", "condition"),
        ("hooks", 2, "suppressed", "no_agent"),
        ("restart", 3, "rehearsed", "condition"),
    ]
    assert rungs[3]["would"] == f"send SIGTERM, and SIGKILL after 5.0s to what is still there: {target.pid} (python)"
    assert rungs[3]["allowed"] is False
    assert target.process.poll() is None


def test_a_drill_of_a_tier_that_is_reached_says_that_it_would_be_ended(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}", critical="60MB", more=", dry_run: true")
    target.say("hold 100")
    wait_until(lambda: daemon.metric("brimwatch_target_tier", target="cache") == 2, 10)
    ended = command("drill", "cache", "--url", daemon.url)
    lines = ended.stdout.splitlines()

    assert ended.returncode == 1
    assert lines[0] == "cache: ask was not run: dry_run - dry run"
    assert lines[1].startswith("cache: restart would send SIGTERM")
    assert "but not now" not in lines[1]
    assert lines[2] == "nothing was run on cache; the daemon runs with dry run"


def test_a_webhook_that_asks_is_sent_by_hand_and_one_that_tells_is_not(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    with sink(answer("200 OK", body=b'{"freed_bytes": 1000000}')) as receiver:
        hooks = f"  optimize: {{{{webhook: {{{{url: '{receiver.url}?token=hush'}}}}}}}}\n"
        hooks += f"  chat: {{{{webhook: {{{{url: '{receiver.url}', tells: true}}}}}}}}\n"
        daemon = start(f"pid: {target.pid}", hooks=hooks.replace("{{", "{").replace("}}", "}"), do="optimize, chat")
        ended = command("drill", "cache", "--url", daemon.url)
    lines = ended.stdout.splitlines()

    assert ended.returncode == 0, ended.stderr
    assert lines[0].startswith("cache: optimize won ")
    assert lines[1].startswith(f"cache: chat would send POST http://127.0.0.1:{receiver.port}: ")
    assert [json.loads(one.body)["type"] for one in receiver.heard] == ["reclaim_requested"]
    assert "hush" not in ended.stdout


def test_while_the_ladder_is_climbed_an_order_is_busy(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn, "--keep", "100")
    daemon = start(f"pid: {target.pid}", critical="60MB", settle="20s")
    target.say("grow 100")
    target.expect("caught SIGUSR1")
    target.say("stop")
    status, report = post(daemon.url + "/api/v1/targets/cache/reclaim")

    assert status == 200
    assert [rung["reason"] for rung in report["members"][0]["rungs"]] == ["busy"]
    assert report["ran"] == 0


def test_a_ladder_that_begins_meanwhile_takes_over(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}", critical="300MB", settle="20s")
    asking = spawn(
        [sys.executable, "-m", "brimwatch", "reclaim", "cache", "--url", daemon.url, "--format", "json"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    target.expect("caught SIGUSR1")
    target.say("grow 300")
    target.expect("caught SIGUSR1")
    target.say("stop")
    report = json.loads(asking.communicate(timeout=10)[0])

    assert [rung["outcome"] for rung in report["members"][0]["rungs"]] == ["run"]
    assert report["reclaimed_bytes"] < 0, "it grew meanwhile, and what the ladder won is the ladder's"


def test_two_orders_at_once_are_one_and_a_busy_one(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}", settle="3s")
    asking = spawn([sys.executable, "-m", "brimwatch", "reclaim", "cache", "--url", daemon.url], stdout=subprocess.PIPE)
    target.expect("caught SIGUSR1")
    _, report = post(daemon.url + "/api/v1/targets/cache/reclaim", b'{"tier": "critical"}')
    asking.communicate(timeout=20)

    assert report["members"][0]["rungs"][0]["reason"] == "busy"
    assert asking.returncode == 0


def test_several_members_are_asked_in_turn_or_one_of_them(spawn: Any, start: Any, wait_until: Any) -> None:
    ours = ("--keep", str(os.getpid()))  # others on this machine may run growers too
    targets = [grower(spawn, *ours), grower(spawn, "--deaf", *ours)]
    daemon = start(f"cmdline: 'grower.py .*{' '.join(ours)}$'")
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="cache") == 2, 10)
    _, report = post(daemon.url + "/api/v1/targets/cache/reclaim")
    _, single = post(daemon.url + "/api/v1/targets/cache/reclaim?member=1")
    missing, said = post(daemon.url + "/api/v1/targets/cache/reclaim?member=7")

    assert {member["member"] for member in report["members"]} == {0, 1}
    assert sorted(member["rungs"][0].get("reason", "ran") for member in report["members"]) == ["no_handler", "ran"]
    assert [member["member"] for member in single["members"]] == [1]
    assert (missing, said) == (404, {"error": "cache has no member 7 now"})
    assert all(target.process.poll() is None for target in targets)


def test_a_process_that_ends_while_it_is_asked_is_told(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}", settle="20s")
    asking = spawn(
        [sys.executable, "-m", "brimwatch", "reclaim", "cache", "--url", daemon.url],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    target.expect("caught SIGUSR1")
    target.process.kill()
    told = asking.communicate(timeout=20)[0]

    assert asking.returncode == 1
    assert "ask failed: vanished - the process was gone" in told


def test_an_order_does_not_hold_up_the_end_of_the_daemon(spawn: Any, start: Any) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}", settle="60s")
    asking = spawn(
        [sys.executable, "-m", "brimwatch", "reclaim", "cache", "--url", daemon.url],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    target.expect("caught SIGUSR1")
    daemon.process.terminate()

    assert daemon.process.wait(5) == 0
    assert "ask" in asking.communicate(timeout=10)[0]
    assert any(line["event"] == "action_ran" for line in daemon.log())


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nowhere/reclaim", 404, "no target of this name; /api/v1/targets lists them"),
        ("nobody/reclaim", 409, "nobody matches nothing now"),
        (
            "cache/reclaim?tier=warning", 409,
            "policy ladder has no cooperative rung at warning; it has some at critical, emergency",
        ),
        ("cache/reclaim?tier=high", 400, "tier: wanted one of warning, critical, emergency"),
        ("cache/reclaim?member=x", 400, "member: wanted its number, as the metrics have it"),
        ("cache/reclaim?now=1", 400, "parameter not known; wanted any of tier, member"),
    ],
    ids=["no such target", "no process", "no rung", "no such tier", "no number", "no such parameter"],
)  # fmt: skip
def test_what_cannot_be_done_is_said(spawn: Any, start: Any, path: str, status: int, said: str) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}")

    assert post(f"{daemon.url}/api/v1/targets/{path}") == (status, {"error": said})


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b'{"tier": null}', b"\xff\xfe", b"[" * 4000], ids=["half", "list", "null", "bytes", "deep"]
)
def test_a_body_that_says_nothing_useful_is_400(spawn: Any, start: Any, body: bytes) -> None:
    target = grower(spawn)
    daemon = start(f"pid: {target.pid}")

    assert post(daemon.url + "/api/v1/targets/cache/reclaim", body)[0] == 400


def test_without_a_daemon_the_command_says_where_it_looked(free_port: Any) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended = command("reclaim", "cache", "--url", url)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"brimwatch: no daemon answers at {url} (")
    assert ended.stderr.endswith("); start one with `brimwatch run --config.file F`, or say where it is with --url\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--url", "ftp://x"), "--url: found 'ftp://x', wanted an address such as http://127.0.0.1:9847"),
        (("--url", "http://[::1"), "--url: found 'http://[::1', wanted an address such as http://127.0.0.1:9847"),
        (("--user", "x"), "--user and --password-file: found one of them, wanted both"),
        (("--member", "x"), "error: argument --member: found 'x', wanted a member's number, as the metrics have it"),
        (("--token-file", "/none"), "--token-file /none: No such file or directory; wanted a readable file"),
        (
            ("--url", "https://localhost", "--ca-file", "/dev/null"),
            "--ca-file /dev/null: ",
        ),
    ],
    ids=["no such scheme", "no address", "half a login", "no number", "no token file", "no certificates"],
)  # fmt: skip
def test_bad_usage_of_the_command_is_exit_code_2(words: tuple[str, ...], said: str) -> None:
    ended = command("reclaim", "cache", *words)

    assert ended.returncode == 2
    assert f": {said}" in ended.stderr
    assert "Traceback" not in ended.stderr
