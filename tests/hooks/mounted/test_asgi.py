"""Does the ASGI mount carry the same endpoints, leave the loop to others, and the application as it was?"""

import asyncio
import json
import subprocess
import threading
from typing import Any

import pytest
from tests.hooks.conftest import DAEMON
from tests.hooks.mounted.mounting import Reply, endpoints

from brimwatch.hooks.mounted.asgi import Mounted
from brimwatch.hooks.registry import Hook
from brimwatch.hooks.wire import LONGEST_BODY

PIECE = {"type": "http.request", "body": b"", "more_body": False}


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "app", "scope": scope, "receive": receive})


async def ask(mounted: Any, method: str, path: str, messages: Any = (PIECE,), **scope: Any) -> Any:
    """What the server was told: a Reply, or the messages of the application."""
    sent: list[Any] = []
    waiting = list(messages)

    async def receive() -> Any:
        return waiting.pop(0) if waiting else await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    asked = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
    await mounted({**asked, "client": ("127.0.0.1", 5), **scope}, receive, send)
    if not sent or sent[0]["type"] != "http.response.start":
        return sent
    headers_sent = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], headers_sent, sent[1]["body"])


def mount(*hooks: Hook, **options: Any) -> Mounted:
    return Mounted(application, endpoints(list(hooks), **options))


def run(*asked: Any, **scope: Any) -> Any:
    return asyncio.run(ask(*asked, **scope))


def test_the_same_paths_are_answered() -> None:
    mounted = mount(Hook("thumbs", "warning", lambda request: 3, group="images"))
    assert run(mounted, "GET", "/memory").body["groups"] == ["images"]
    assert b"images/thumbs" in run(mounted, "GET", "/memory/report").content
    assert run(mounted, "POST", "/memory/images/optimize").body["claimed_bytes"] == 3
    assert run(mounted, "HEAD", "/memory/stats").content == b""
    assert run(mounted, "GET", "/memory/optimize").headers["allow"] == "POST"
    assert run(mounted, "GET", "/memory/x").status == 404


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "http"])
def test_what_is_not_ours_reaches_the_application_as_it_came(kind: str) -> None:
    path = "/other" if kind == "http" else "/memory/stats"
    (message,) = run(mount(), "GET", path, (), type=kind)
    assert (message["type"], message["scope"]["path"], message["scope"]["type"]) == ("app", path, kind)


@pytest.mark.parametrize(
    ("path", "root", "status"),
    [
        ("/shop/memory/stats", "/shop", 200),
        ("/memory/stats", "/shop", 200),
        ("/memory/memory/stats", "/memory", 200),
        ("/memory/stats", "/memory", None),
        ("/shopping/memory/stats", "/shop", None),
        ("/shop/memory/stats", "/shop/", 200),
    ],
)
def test_below_a_root_the_prefix_is_that_of_the_application(path: str, root: str, status: int | None) -> None:
    found = run(mount(), "GET", path, root_path=root)
    assert getattr(found, "status", None) == status


def test_a_body_in_pieces_is_one() -> None:
    pieces = [{"type": "http.request", "body": part, "more_body": True} for part in (b'{"tier":', b' "warning"}')]
    reply = run(mount(), "POST", "/memory/optimize", [*pieces, PIECE])
    assert (reply.status, reply.body["tier"]) == (200, "warning")


def test_a_body_too_long_is_refused_before_its_end() -> None:
    piece = {"type": "http.request", "body": b"x" * LONGEST_BODY, "more_body": True}
    assert run(mount(), "POST", "/memory/optimize", [piece, piece]).status == 413


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brimwatch.hooks.mounted.asgi.REQUEST_SECONDS", 0.05)
    assert run(mount(), "POST", "/memory/optimize", ()).status == 408


def test_a_client_that_leaves_is_told_nothing_and_nothing_is_run() -> None:
    called: list[object] = []
    left = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert run(mount(Hook("a", "warning", called.append)), "POST", "/memory/optimize", left) == []
    assert called == []


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({"client": None}, 403),
        ({"client": ("192.0.2.7", 5)}, 403),
        ({"headers": [(b"host", b"localhost"), (b"x-forwarded-for", b"127.0.0.1")]}, 403),
        ({"headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}, 403),
        ({"headers": []}, 403),
        ({"headers": [(b"Host", b"localhost")]}, 200),
    ],
)
def test_who_may_ask_is_seen_in_the_scope(scope: Any, status: int) -> None:
    assert run(mount(), "POST", "/memory/optimize", **scope).status == status


def test_the_loop_goes_on_while_hooks_run() -> None:
    going_on = threading.Event()
    mounted = mount(Hook("slow", "warning", lambda request: going_on.wait(60)))

    async def both() -> Any:
        asked = asyncio.create_task(ask(mounted, "POST", "/memory/optimize"))
        while (await ask(mounted, "GET", "/memory/stats")).body["busy"] is None:
            await asyncio.sleep(0)
        # Only a loop that goes on comes to this.
        going_on.set()
        return await asked

    reply = asyncio.run(asyncio.wait_for(both(), 60))
    assert (reply.status, reply.body["complete"]) == (200, True)


def test_a_hook_of_the_loop_runs_on_it() -> None:
    async def served() -> tuple[Any, list[int]]:
        threads: list[int] = []

        async def hook(request: object) -> int:
            await asyncio.sleep(0)
            threads.append(threading.get_ident())
            return 7

        mounted = mount(Hook("own", "warning", hook, 1, run_on=asyncio.get_running_loop()))
        return await ask(mounted, "POST", "/memory/optimize"), threads

    reply, threads = asyncio.run(served())
    assert (reply.body["hooks"][0]["claimed_bytes"], threads) == (7, [threading.get_ident()])


def test_a_hook_that_hangs_is_answered_at_the_deadline() -> None:
    going_on = threading.Event()
    mounted = mount(Hook("stuck", "warning", lambda request: going_on.wait(60), 1))
    body = {"type": "http.request", "body": b'{"deadline_seconds": 0.2}', "more_body": False}
    reply = run(mounted, "POST", "/memory/optimize", [body])
    assert (reply.status, reply.body["complete"], reply.body["hooks"][0]["reason"]) == (200, False, "deadline")
    assert run(mounted, "POST", "/memory/optimize").status == 409
    going_on.set()


def test_exceptions_of_the_application_go_through() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("of the application's")

    with pytest.raises(KeyError, match="of the application's"):
        run(Mounted(failing, endpoints()), "GET", "/x")


EVERYWHERE = f"""
import asyncio, json, sys
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
hooks.on('warning', name='named', group='g')(lambda request: 7)

async def receive():
    return {{'type': 'http.request', 'body': b'{{}}'}}

async def send(message):
    print(message.get('body', b'').decode())

scope = {{'type': 'http', 'method': 'POST', 'path': '/memory/g/optimize', 'client': ('127.0.0.1', 5),
          'headers': [(b'host', b'localhost'), (b'content-type', b'application/json')]}}
asyncio.run(hooks.asgi(print, local=True)(scope, receive, send))
"""


def test_every_python_answers_with_nothing_but_the_standard_library(python: str) -> None:
    ran = subprocess.run([python, "-I", "-S", "-c", EVERYWHERE], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["claimed_bytes"] == 7
