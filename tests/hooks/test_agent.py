"""Does a process with an agent answer, run its hooks, and leave nothing behind? Real processes, the real socket."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.speaking import Target, ask, connect, outcomes, read_reply, request

pytestmark = pytest.mark.live
Start = Callable[..., Target]

DROPS = """
import mmap
held = [mmap.mmap(-1, 60_000_000)]
held[0].write(b'x' * 60_000_000)
@hooks.on('critical')
def drop_pages(request):
    while held:
        held.pop().close()
    return 60_000_000
"""


def test_every_python_answers_runs_its_hooks_and_leaves_nothing_behind(start: Start, python: str) -> None:
    target = start(DROPS, python=python)
    stats = target.stats()
    assert (stats["pid"], stats["tier"], stats["agent"]["wire"]) == (target.pid, "calm", 1)
    reply = target.reclaim("critical", needed_bytes=50_000_000)
    assert outcomes(reply)["drop_pages"] == ("ran", None)
    assert reply.body["reclaimed_bytes"] > 50_000_000
    assert outcomes(reply)["gc"] == ("suppressed", "cured")
    assert target.end() == 0
    assert os.listdir(target.run_dir) == []


def test_stats_say_what_the_process_knows_of_itself(start: Start) -> None:
    target = start("hooks.register('reports', size=lambda: 123, hit_ratio=lambda: 0.5, info={'n': 2}.copy)")
    stats = target.stats("?objects=1")
    reports = next(hook for hook in stats["hooks"] if hook["name"] == "reports")
    assert (reports["footprint_bytes"], reports["hit_ratio"], reports["info"]) == (123, 0.5, {"n": 2.0})
    assert stats["rss_bytes"] <= stats["peak_rss_bytes"] <= stats["vms_bytes"]
    assert (stats["python_threads"], stats["threads"]) == (2, 2)
    assert stats["python"]["objects"] > 1000
    assert len(stats["python"]["gc"]["collections"]) == 3
    assert stats["limit"]["bytes"] > stats["rss_bytes"]
    assert "objects" not in target.stats()["python"]


def test_hooks_run_in_their_order_and_from_the_tier_they_name(start: Start) -> None:
    target = start("""
ran = []
for tier, order in (('emergency', 10), ('critical', 30), ('warning', 40), ('warning', 5)):
    hooks.on(tier, name=f'{tier}-{order}', order=order)(lambda request, order=order: ran.append(order))
""")
    assert outcomes(target.reclaim("warning")).keys() == {"warning-5", "warning-40", "trim"}
    assert target.run("said = list(ran); ran.clear(); print(said)") == "[5, 40]"
    target.reclaim("emergency")
    assert target.run("print(ran)") == "[5, 10, 30, 40]"


def test_a_hook_that_is_named_runs_whatever_its_tier_and_an_unknown_one_is_said(start: Start) -> None:
    target = start()
    reply = target.reclaim("warning", names=["gc", "no-such"])
    assert outcomes(reply) == {"gc": ("ran", None), "no-such": ("suppressed", "no_handler")}


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        pytest.param("raise ValueError('so' * 300)", ("failed", "error"), "ValueError: so", id="one that raises"),
        pytest.param("sys.exit(3)", ("failed", "error"), "SystemExit: 3", id="one that ends the program"),
        pytest.param("return -1", ("ran", None), "returned -1", id="one that claims less than nothing"),
        pytest.param("return 'much'", ("ran", None), "returned 'much'", id="one that claims a text"),
        pytest.param("return True", ("ran", None), "returned True", id="one that claims a truth"),
        pytest.param("hook(request)", ("failed", "error"), "RecursionError", id="one that recurses"),
        pytest.param("raise MemoryError", ("failed", "error"), "MemoryError", id="one that finds no memory"),
        pytest.param("hooks.off('hook')", ("ran", None), "", id="one that unregisters itself"),
        pytest.param("assert hooks.reclaim()['error'] == 'busy'", ("ran", None), "", id="one that asks again"),
        pytest.param(
            "raise hooks.Skip('unsupported', 'not now')", ("suppressed", "unsupported"), "not now", id="skips"
        ),
    ],
)
def test_whatever_a_hook_does_is_an_outcome(start: Start, body: str, outcome: tuple[str, str], said: str) -> None:
    target = start(f"@hooks.on('warning')\ndef hook(request):\n    {body}\n")
    reply = target.reclaim("warning", names=["hook"])
    assert outcomes(reply) == {"hook": outcome}
    detail = reply.body["hooks"][0]["detail"]
    assert said in detail
    assert len(detail) <= 200
    assert target.run("print('alive')") == "alive"


HANGS = """
go = threading.Event()
@hooks.on('warning', order=1)
def hangs(request):
    go.wait()
"""


def test_a_hook_that_hangs_is_a_deadline_and_the_socket_goes_on_answering(start: Start, wait_until: Any) -> None:
    target = start(HANGS)
    reply = target.reclaim("warning", deadline_seconds=0.2)
    assert outcomes(reply) == {"hangs": ("failed", "deadline"), "trim": ("failed", "deadline")}
    assert reply.body["complete"] is False
    assert target.stats()["busy"]["hook"] == "hangs"
    again = target.reclaim("warning", deadline_seconds=0.2)
    assert (again.status, again.body["error"]) == (409, "busy")
    assert "hangs" in again.body["detail"]
    target.send("go.set()")
    wait_until(lambda: target.stats()["busy"] is None)
    assert outcomes(target.reclaim("warning"))["hangs"] == ("ran", None)


def test_a_program_ends_at_once_though_a_hook_hangs(start: Start, python: str) -> None:
    target = start(HANGS, python=python)
    target.reclaim("warning", deadline_seconds=0.05)
    assert target.end() == 0
    assert os.listdir(target.run_dir) == []


def test_where_no_thread_can_be_had_the_hooks_run_all_the_same(start: Start) -> None:
    target = start(
        DROPS + "ran = []\nhooks.on('critical', name='where')(lambda request: ran.append(threading.get_ident()))"
    )
    # No address space for a stack of 8 MB: what a ceiling on a process near its limit is like.
    line = "import resource; size = hooks.status()['stats']['vms_bytes'] + 4_000_000; "
    target.run(line + "resource.setrlimit(resource.RLIMIT_AS, (size, size)); print()")
    reply = target.reclaim("critical", names=["drop_pages", "where"])
    assert outcomes(reply) == {"drop_pages": ("ran", None), "where": ("ran", None)}
    assert target.run("print([t.name for t in threading.enumerate() if t.ident in ran])") == "['brimwatch-agent']"
    assert reply.body["reclaimed_bytes"] > 50_000_000


def test_a_thread_may_install_the_agent_but_take_no_signal(start: Start) -> None:
    target = start("""
def install():
    hooks.install(signal=signal.SIGUSR2)
import signal
thread = threading.Thread(target=install)
thread.start(), thread.join()
""", install="")  # fmt: skip
    said = target.run("print(hooks.status()['agent']['signal_refused'])")
    assert said == "a signal can be taken from the main thread only"
    assert target.stats()["pid"] == target.pid


def test_figures_that_hang_keep_nobody_from_an_answer(start: Start) -> None:
    target = start("hooks.register('stuck', size=lambda: time.sleep(1000))")
    assert target.stats()["tier"] == "calm"
    assert outcomes(target.reclaim("warning"))["trim"] == ("ran", None)


def test_of_a_thousand_hooks_64_are_registered_and_the_rest_counted(start: Start) -> None:
    target = start("for n in range(1000):\n    hooks.on('warning', name=f'hook{n}')(lambda request: None)\n")
    stats = target.stats()
    assert (len(stats["hooks"]), stats["hooks_refused"]) == (64, 940)
    reply = target.reclaim("emergency")
    assert len(reply.body["hooks"]) == 64


def test_a_second_daemon_is_told_busy_while_the_lease_of_the_first_is_fresh(start: Start) -> None:
    target = start()
    first = {"tier": "warning", "expires_seconds": 60, "daemon": "a"}
    assert target.ask("PUT", "/v1/tier", first).status == 200
    second = target.ask("PUT", "/v1/tier", {**first, "daemon": "b"})
    assert (second.status, second.body["error"]) == (409, "busy")
    assert target.reclaim("warning", daemon="b").status == 409
    assert target.reclaim("warning", daemon="a").status == 200
    lease = target.stats()["lease"]
    assert (lease["pid"], lease["daemon"]) == (os.getpid(), "a")


def test_a_lease_ends_with_the_daemon_that_held_it(start: Start, spawn: Any, wait_until: Any) -> None:
    target = start()
    body = '{"tier":"warning","expires_seconds":600}'
    code = (
        f"import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect({target.address()!r}); "
        f"s.sendall(b'PUT /v1/tier HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}'); "
        "print(s.recv(100)[9:12]); sys.stdin.read()"
    )
    other = spawn([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True)
    assert other.stdout.readline() == "b'200'\n"
    assert target.reclaim("warning").status == 409
    other.kill()
    other.wait()
    assert target.reclaim("warning").status == 200


def test_subscribers_hear_of_every_tier_and_one_that_raises_keeps_no_other_from_it(start: Start) -> None:
    target = start("heard = []\nhooks.on_tier(lambda tier: 1 / 0)\nhooks.on_tier(heard.append)\n")
    for tier in ("critical", "calm"):
        target.ask("PUT", "/v1/tier", {"tier": tier, "expires_seconds": 60})
        assert (
            target.run(f"[time.sleep(0.01) for _ in range(500) if heard[-1:] != [{tier!r}]]; print(heard[-1])") == tier
        )
    stats = target.stats()
    assert (stats["warnings"], stats["tier_source"], stats["faults"]["subscribers"]) == (1, "daemon", 2)


def test_without_a_daemon_the_process_judges_itself_by_the_thresholds_it_was_told(
    start: Start, wait_until: Any
) -> None:
    target = start(DROPS)
    rss = target.stats()["rss_bytes"]
    body = {"tier": "warning", "expires_seconds": 0.05, "thresholds": {"critical": rss - 30_000_000}}
    target.ask("PUT", "/v1/tier", body)

    def over() -> dict[str, Any]:
        stats = target.stats()
        return stats if (stats["tier_source"], stats["tier"], stats["busy"]) == ("own", "calm", None) else {}

    stats = wait_until(over, 15)
    last = {hook["name"]: hook["last"] for hook in stats["hooks"]}["drop_pages"]
    assert last["outcome"] == "ran"
    assert stats["rss_bytes"] < rss - 50_000_000


def test_without_thresholds_nobody_judges(start: Start, wait_until: Any) -> None:
    target = start()
    target.ask("PUT", "/v1/tier", {"tier": "emergency", "expires_seconds": 0.05})
    wait_until(lambda: target.stats()["tier_source"] == "nobody")
    assert target.stats()["tier"] == "calm"


def test_a_connection_is_kept_for_the_next_request(start: Start) -> None:
    target = start()
    with connect(target.address()) as client:
        client.sendall(request("GET", "/v1/stats") * 3)
        assert [read_reply(client).status for _ in range(3)] == [200, 200, 200]
        client.sendall(request("GET", "/v1/stats", headers="Connection: close\r\n"))
        assert read_reply(client).status == 200
        assert client.recv(1) == b""


def test_a_killed_process_leaves_a_socket_that_the_next_one_removes(start: Start) -> None:
    killed = start()
    left = killed.address()
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert os.path.exists(left)
    second = start()
    second.stats()
    end = time.monotonic() + 10
    while os.path.exists(left) and time.monotonic() < end:
        time.sleep(0.01)
    assert os.listdir(second.run_dir) == [os.path.basename(second.address())]


def test_hooks_can_be_run_by_hand_without_any_agent(start: Start) -> None:
    target = start(DROPS, install="")
    line = target.run("print({h['name']: h['outcome'] for h in hooks.reclaim('critical')['hooks']})")
    assert "'drop_pages': 'ran'" in line
    assert target.run("print(hooks.status()['agent']['state'], threading.active_count())") == "absent 1"
    assert not os.path.exists(target.run_dir)


def test_uninstall_leaves_no_thread_and_no_socket_and_install_brings_them_back(start: Start, wait_until: Any) -> None:
    target = start()
    target.send("hooks.uninstall()")
    wait_until(lambda: not target.sockets())
    assert target.run("[t.join(5) for t in threading.enumerate()[1:]]; print(threading.active_count())") == "1"
    assert target.run("print(hooks.install(), hooks.install())") == "True True"
    assert ask(target.address(), "GET", "/v1/stats").status == 200
    assert target.run("print(threading.active_count())") == "2"
