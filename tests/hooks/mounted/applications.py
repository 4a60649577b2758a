"""Which real programs is the mount tried in? Flask, Django, Starlette and plain WSGI, each with the same hooks."""

from collections.abc import Callable

from tests.hooks.conftest import DAEMON

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
