"""Do the endpoints work where programs really run? Flask under gunicorn, Django, Starlette under uvicorn, wsgiref."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.conftest import DAEMON
from tests.hooks.mounted.mounting import TOKEN, token_file
from tests.hooks.mounted.serving import Served, answers, fetch, own_address, workers
from tests.hooks.speaking import Target, ask

pytestmark = pytest.mark.live
BEARER = {"Authorization": f"Bearer {TOKEN}"}
START = f"import sys\nsys.path.insert(0, {str(DAEMON)!r})\nfrom brimwatch import hooks\n"

HOOKS = """
import os
hooks.install()
kept = [bytearray(8_000_000)]

@hooks.on("warning", group="reports")
def drop_reports(request):
    kept.clear()

@hooks.on("warning", group="broken")
def broken(request):
    raise SystemExit(3)
"""
STREAM = """
def parts():
    yield b"one,"
    yield b"two"
"""
FLASK = (
    START
    + HOOKS
    + STREAM
    + """
from flask import Flask, Response, request
app = Flask(__name__)
app.wsgi_app = hooks.wsgi(app.wsgi_app)

@app.get("/")
def home():
    return str(os.getpid())

@app.get("/stream")
def stream():
    return Response(parts())

@app.post("/echo")
def echo():
    return request.get_data()

@app.get("/fault")
def fault():
    raise RuntimeError("of the application's")
"""
)
DJANGO = (
    START
    + HOOKS
    + STREAM
    + """
from django.conf import settings
settings.configure(SECRET_KEY="for the tests", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

def fault(request):
    raise RuntimeError("of the application's")

urlpatterns = [
    path("", lambda request: HttpResponse(str(os.getpid()))),
    path("stream", lambda request: StreamingHttpResponse(parts())),
    path("echo", lambda request: HttpResponse(request.body)),
    path("fault", fault),
]
MIDDLEWARE = []
app = hooks.wsgi(get_wsgi_application())
"""
)
STARLETTE = (
    START
    + HOOKS
    + """
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
started = []

@asynccontextmanager
async def lifespan(app):
    started.append(1)
    yield

async def parts():
    yield b"one,"
    yield b"two"

async def fault(request):
    raise RuntimeError("of the application's")

async def home(request):
    return PlainTextResponse(str(os.getpid()) if started else "no lifespan")

async def echo(request):
    return PlainTextResponse(await request.body())

async def stream(request):
    return StreamingResponse(parts())

app = Starlette(
    routes=[Route("/", home), Route("/stream", stream), Route("/echo", echo, methods=["POST"]), Route("/fault", fault)],
    lifespan=lifespan,
    middleware=[Middleware(hooks.asgi)],
)
"""
)
WSGIREF = (
    START
    + HOOKS
    + STREAM
    + """
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
from wsgiref.validate import validator

def echo(environ):
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]

def plain(environ, start_response):
    path = environ["PATH_INFO"]
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/fault":
        try:
            raise RuntimeError("of the application's")
        except RuntimeError:
            start_response("500 Oh no", [("Content-Type", "text/plain")], sys.exc_info())
            return [b"fault"]
    return parts() if path == "/stream" else echo(environ) if path == "/echo" else [str(os.getpid()).encode()]

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

app = validator(hooks.wsgi(validator(plain)))
if __name__ == "__main__":
    make_server("0.0.0.0", int(sys.argv[1]), app, Server).serve_forever()
"""
)
GUNICORN = ["-m", "gunicorn", "app:app", "--no-control-socket", "--log-level", "critical", "--bind"]
SERVERS: dict[str, tuple[str, Callable[[int], list[str]]]] = {
    "flask": (FLASK, lambda port: [*GUNICORN, f"0.0.0.0:{port}"]),
    "django": (DJANGO, lambda port: [*GUNICORN, f"0.0.0.0:{port}", "--worker-class", "gthread", "--threads", "4"]),
    "starlette": (STARLETTE, lambda port: ["-m", "uvicorn", "app:app", "--host", "0.0.0.0", "--port", str(port)]),
    "wsgiref": (WSGIREF, lambda port: ["app.py", str(port)]),
}


class Server:
    """A running one."""

    def __init__(self, process: Any, port: int) -> None:
        self.process, self.port = process, port

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Served:
        return fetch(self.port, method, path, body, **options)


@pytest.fixture
def serve(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, run_dir: str) -> Callable[..., Server]:
    """`serve("flask", ...)` is that server with the mount and a token; more words of its command line behind."""

    def begin(kind: str, *words: str, text: str | None = None, **environment: str) -> Server:
        if kind != "wsgiref":
            pytest.importorskip({"flask": "flask", "django": "django", "starlette": "uvicorn"}[kind])
        app, command = SERVERS[kind]
        (tmp_path / "app.py").write_text(app if text is None else text)
        port = free_port()
        known = {"BRIMWATCH_RUN_DIR": run_dir, "BRIMWATCH_TOKEN_FILE": token_file(tmp_path), **environment}
        process = spawn(
            [sys.executable, *command(port), *words], cwd=tmp_path, env={**os.environ, **known}, stderr=-3, stdout=-3
        )
        wait_until(lambda: answers(port), 30)
        return Server(process, port)

    return begin


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
