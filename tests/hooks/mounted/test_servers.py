"""Do the endpoints work where programs really run? Flask under gunicorn, Django, Starlette under uvicorn, wsgiref."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.mounted.applications import FLASK, SERVERS, WSGIREF
from tests.hooks.mounted.mounting import BEARER, token_file
from tests.hooks.mounted.serving import answers, fetch, own_address, workers
from tests.hooks.speaking import Target, ask

pytestmark = pytest.mark.live


@pytest.mark.parametrize("kind", sorted(SERVERS))
def test_a_real_server_answers_below_the_prefix_and_serves_its_application(serve: Any, kind: str) -> None:
    server = serve(kind)
    pid = int(server("GET", "/").content)
    assert server("GET", "/memory").body["pid"] == pid
    assert server("GET", "/memory/report").content.startswith(b"Memory of process %d" % pid)
    head, get = server("HEAD", "/memory/emergency/status"), server("GET", "/memory/emergency/status")
    assert (head.status, head.content, get.body["emergency"]) == (200, b"", False)
    # Posting: with the token, and only with it.
    assert server("POST", "/memory/optimize").status == 401
    assert server("POST", "/memory/optimize").headers["www-authenticate"] == "Bearer"
    assert server("POST", "/memory/optimize", Authorization="Bearer not-the-token-at-all").status == 401
    freed = server("POST", "/memory/reports/optimize", **BEARER).body
    assert (freed["pid"], freed["complete"], freed["reclaimed_bytes"] > 7_000_000) == (pid, True, True)
    broken = server("POST", "/memory/broken/emergency-clear", {"deadline_seconds": 5}, **BEARER).body["hooks"][0]
    assert (broken["outcome"], broken["reason"], broken["detail"]) == ("failed", "error", "SystemExit: 3")
    # What is not ours: streams, chunks, faults.
    assert server("GET", "/stream").content == b"one,two"
    assert server("POST", "/echo", b"x" * 100_000).content == b"x" * 100_000
    assert server("GET", "/fault").status == 500
    assert int(server("GET", "/").content) == pid


@pytest.mark.parametrize("kind", ["flask", "starlette"])
def test_a_body_in_chunks_is_read_and_a_long_one_is_refused(serve: Any, kind: str) -> None:
    server = serve(kind)
    said = server("POST", "/memory/optimize", iter([b'{"tier":', b'"warning"}']), **BEARER)
    assert (said.status, said.body["tier"]) == (200, "warning")
    assert server("POST", "/memory/optimize", iter([b" " * 40_000] * 2), **BEARER).status == 413
    assert server("POST", "/echo", iter([b"a", b"b"])).content == b"ab"


@pytest.mark.parametrize("kind", sorted(SERVERS))
def test_who_is_elsewhere_needs_the_token_for_everything(serve: Any, kind: str) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    server = serve(kind)
    assert server("GET", "/memory/stats", address=address).status == 401
    assert server("GET", "/memory/stats", address=address, Host="localhost").status == 401
    assert server("GET", "/memory/stats", address=address, **BEARER).status == 200
    assert server("POST", "/memory/reports/optimize", address=address).status == 401
    assert server("POST", "/memory/reports/optimize", address=address, **BEARER).status == 200
    # A server that believes forwarding headers of this machine shows another peer: nobody becomes local by them.
    for header in ("X_Forwarded_For", "Forwarded", "Via"):
        assert server("GET", "/memory/stats", **{header: "127.0.0.1"}).status == 401
    assert server("GET", "/memory/stats", Host="evil.example").status == 403
    assert server("POST", "/memory/reports/optimize", Origin="http://evil.example", **BEARER).status == 403


@pytest.mark.parametrize("kind", ["flask", "starlette"])
def test_local_lets_who_is_here_post(serve: Any, kind: str) -> None:
    text = SERVERS[kind][0].replace("hooks.wsgi(app.wsgi_app)", "hooks.wsgi(app.wsgi_app, local=True)")
    server = serve(kind, text=text.replace("Middleware(hooks.asgi)", "Middleware(hooks.asgi, local=True)"))
    assert server("POST", "/memory/reports/optimize").status == 200
    assert server("POST", "/memory/reports/optimize", X_Forwarded_For="127.0.0.1").status == 401
    assert server("POST", "/memory/reports/optimize", Origin="http://evil.example").status == 403
    assert server("POST", "/memory/reports/optimize", b"a=b", Content_Type="text/plain").status == 415


def test_a_post_with_workers_all_reaches_every_worker_and_says_which(serve: Any, wait_until: Any, run_dir: str) -> None:
    server = serve("flask", "--workers", "4")
    pids = wait_until(lambda: workers(server.process.pid, 4), 30)
    target = Target(server.process, run_dir, wait_until)
    for pid in pids:  # the agent is there before the rest of the application
        wait_until(lambda pid=pid: "'drop_reports'" in str(ask(target.address(pid), "GET", "/v1/stats").body), 30)
    alone = server("POST", "/memory/reports/optimize", **BEARER).body
    assert alone["pid"] in pids
    everywhere = server("POST", "/memory/reports/optimize?workers=all", **BEARER).body
    assert sorted(worker["pid"] for worker in everywhere["workers"]) == pids
    assert (everywhere["complete"], everywhere["without_agent"], everywhere["not_asked"]) == (True, [], [])
    assert {hook["name"] for worker in everywhere["workers"] for hook in worker["hooks"]} == {"drop_reports"}
    assert everywhere["reclaimed_bytes"] > 3 * 7_000_000  # the fourth had given it back before
    assert server("POST", "/memory/reports/optimize?workers=all").status == 401


def test_a_worker_without_an_agent_is_named(serve: Any, wait_until: Any, run_dir: str) -> None:
    text = FLASK.replace("hooks.install()", "hooks.install() if os.environ.get('AGENT') else None")
    server = serve("flask", "--workers", "3", text=text)
    pids = wait_until(lambda: workers(server.process.pid, 3), 30)
    body = server("POST", "/memory/optimize?workers=all", **BEARER).body
    assert [worker["pid"] for worker in body["workers"]] == [pid for pid in pids if pid not in body["without_agent"]]
    assert (len(body["workers"]), len(body["without_agent"])) == (1, 2)


def test_under_load_every_request_is_answered_while_workers_give_memory_back(serve: Any, wait_until: Any) -> None:
    server = serve("flask", "--workers", "2", "--worker-class", "gthread", "--threads", "4")
    found: list[int] = []
    load = [threading.Thread(target=lambda: found.extend(server("GET", "/").status for _ in range(50))) for _ in "1234"]
    for thread in load:
        thread.start()
    posts = [server("POST", "/memory/emergency/reduce?workers=all", **BEARER) for _ in range(5)]
    for thread in load:
        thread.join()
    assert found == [200] * 200
    assert [post.status for post in posts] == [200] * 5


def test_every_python_serves_the_mount_with_nothing_but_the_standard_library(
    python: str, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, run_dir: str
) -> None:
    (tmp_path / "app.py").write_text(WSGIREF)
    port = free_port()
    known = {**os.environ, "BRIMWATCH_RUN_DIR": run_dir, "BRIMWATCH_TOKEN_FILE": token_file(tmp_path)}
    spawn([python, "-I", "-S", str(tmp_path / "app.py"), str(port)], env=known, stderr=-3)
    wait_until(lambda: answers(port), 30)
    assert fetch(port, "GET", "/memory/stats").status == 200
    body = fetch(port, "POST", "/memory/reports/optimize?workers=all", **BEARER).body
    assert (body["complete"], body["reclaimed_bytes"] > 7_000_000) == (True, True)
