"""Do the recipes for libraries give back what they say? Each is run as docs/recipes.md shows it."""

import os
from pathlib import Path

import pytest
from tests.recipes.cooking import PAGE, blocks, cook, need

pytestmark = pytest.mark.live


def test_every_recipe_has_five_lines_or_little_more_and_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    headings = [line[3:] for line in PAGE.splitlines() if line.startswith("## ")]
    assert [heading for heading in headings if f'"{heading}"' not in tests] == []
    assert [heading for heading in headings if not blocks(heading)] == []


def test_sqlalchemy_closes_idle_connections_and_leaves_one_in_use(tmp_path: Path) -> None:
    need("sqlalchemy")
    before = """
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import QueuePool
engine = create_engine("sqlite:///shop.sqlite", poolclass=QueuePool, pool_size=6, max_overflow=0)

@event.listens_for(engine, "connect")
def set_cache(connection, record):
    connection.execute("PRAGMA cache_size = -20000")  # KiB of pages that each connection may keep

with engine.begin() as connection:
    connection.execute(text("CREATE TABLE sold (text)"))
    connection.execute(text("INSERT INTO sold VALUES (:text)"), [{"text": "x" * 4000}] * 2500)
busy, *idle = [engine.connect() for _ in range(6)]
for one in (busy, *idle):
    one.execute(text("SELECT max(length(text)), count(*) FROM sold WHERE text LIKE '%y%'")).all()
for one in idle:
    one.close()
"""
    after = """
was, opened = rss(), files("shop.sqlite")
figures = hooks.status()["caches"]["close_idle_connections"]["info"]
ran = outcomes(hooks.reclaim("warning"))
left = files("shop.sqlite")
rows = busy.execute(text("SELECT count(*) FROM sold")).scalar()
busy.close()
with engine.connect() as again:
    rows += again.execute(text("SELECT count(*) FROM sold")).scalar()
tell(back_bytes=was - rss(), opened=opened, left=left, idle=figures["idle"], rows=rows,
     ran=ran["close_idle_connections"])
"""
    found = cook("SQLAlchemy: idle connections", before, after, tmp_path)
    assert (found["opened"], found["left"], found["idle"]) == (6, 1, 5)
    assert (found["rows"], found["ran"], found["back_bytes"] > 30_000_000) == (5000, "ran", True)


def test_pandas_frames_and_arrows_pool_are_given_back(tmp_path: Path) -> None:
    need("pandas", "pyarrow")
    before = """
import numpy, pandas, pyarrow
frames = {
    "numbers": pandas.DataFrame({"n": numpy.ones(5_000_000)}),
    "words": pandas.DataFrame({"w": pandas.array(["word"] * 2_000_000, dtype="string[pyarrow]")}),
}
kept = pyarrow.array(range(1000))
"""
    after = """
was, held = rss(), hooks.status()["caches"]["release_arrow"]["footprint_bytes"]
ran = outcomes(hooks.reclaim("warning"))
tell(back_bytes=was - rss(), arrow_held_bytes=held, backend=pyarrow.default_memory_pool().backend_name,
     arrow_left_bytes=pyarrow.default_memory_pool().bytes_allocated(), kept=kept.sum().as_py(), ran=ran)
"""
    found = cook("pandas and pyarrow: memory pools", before, after, tmp_path)
    assert (found["ran"]["release_arrow"], found["kept"]) == ("ran", 499_500)
    assert found["back_bytes"] > 40_000_000
    assert found["arrow_held_bytes"] - found["arrow_left_bytes"] > 15_000_000


def test_arrows_pool_keeps_what_was_freed_until_it_is_asked(tmp_path: Path) -> None:
    need("pyarrow")
    before = """
import pyarrow
frames = {}
several = [pyarrow.array(range(20_000)) for _ in range(300)]
del several
"""
    after = """
was = rss()
hooks.reclaim("warning", names=["release_arrow"])
tell(back_bytes=was - rss(), backend=pyarrow.default_memory_pool().backend_name)
"""
    found = cook("pandas and pyarrow: memory pools", before, after, tmp_path)
    assert found["back_bytes"] > 5_000_000


def test_torch_hook_runs(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch takes gigabytes to install: `make test-torch` does, and runs this")
    before = """
import torch
models = {"large": torch.ones(20_000_000)}
hooks.clear(models, name="models")
"""
    after = """
was = rss()
ran = outcomes(hooks.reclaim("critical"))
tell(back_bytes=was - rss(), ran=ran["release_torch"])
"""
    found = cook("torch: caches of the device", before, after, tmp_path)
    assert (found["ran"], found["back_bytes"] > 70_000_000) == ("ran", True)


def test_flask_caching_gives_its_entries_back(tmp_path: Path) -> None:
    need("flask", "flask_caching")
    before = """
from flask import Flask
from flask_caching import Cache
app = Flask(__name__)
cache = Cache(app, config={"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 10_000})

@app.get("/<number>")
@cache.cached()
def page(number):
    return number * 50_000

client = app.test_client()
for number in range(100, 300):
    assert client.get(f"/{number}").status_code == 200
"""
    after = """
was = rss()
ran = outcomes(hooks.reclaim("critical"))
tell(back_bytes=was - rss(), ran=ran["clear_flask_cache"], again=client.get("/100").status_code)
"""
    found = cook("Flask-Caching", before, after, tmp_path)
    assert (found["ran"], found["again"], found["back_bytes"] > 20_000_000) == ("ran", 200, True)


def test_djangos_local_memory_cache_gives_its_entries_back(tmp_path: Path) -> None:
    need("django")
    before = """
from django.conf import settings
settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
from django.core.cache import cache
for number in range(200):
    cache.set(f"report{number}", os.urandom(150_000))
"""
    after = """
was = rss()
ran = outcomes(hooks.reclaim("critical"))
cache.set("again", 1)
tell(back_bytes=was - rss(), ran=ran["clear_locmem"], left=cache.get("report1"), again=cache.get("again"))
"""
    found = cook("Django: the local-memory cache", before, after, tmp_path)
    assert (found["ran"], found["left"], found["again"]) == ("ran", None, 1)
    assert found["back_bytes"] > 20_000_000


SERVER = """
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    def do_GET(self):
        if self.path == "/together":
            together.wait(60)
        if self.path == "/slow":
            begun.set()
            go_on.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        pass

class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

begun, go_on, together = threading.Event(), threading.Event(), threading.Barrier(20)
server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

def load(get):  # as many connections as requests
    threads = [threading.Thread(target=get, args=(url + "/together",)) for _ in range(20)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

said = []
slow = threading.Thread(target=lambda: said.append(get_slow()))
"""


HTTP_AFTER = """
import time
slow.start()
begun.wait(20)
was = sockets()
ran = outcomes(hooks.reclaim("warning"))
go_on.set()
slow.join()
# collect
end = time.monotonic() + 10
while sockets() > 5 and time.monotonic() < end:  # the server's ends are closed by its threads
    time.sleep(0.01)
tell(was=was, left=sockets(), ran=ran, slow=said, again=get_again(url).text)
"""


def test_requests_closes_idle_connections_and_ends_what_is_under_way(tmp_path: Path) -> None:
    need("requests")
    before = (
        SERVER
        + """
import requests
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=30))
get_slow = lambda: session.get(url + "/slow").text
get_again = session.get
load(session.get)
"""
    )
    found = cook("requests: idle connections of a session", before, HTTP_AFTER, tmp_path)
    assert (found["ran"]["close_idle_http"], found["slow"], found["again"]) == ("ran", ["ok"], "ok")
    assert (found["was"] > 30, found["left"] <= 5) == (True, True)  # both ends are in this process


def test_httpx_gets_a_new_client_and_ends_what_is_under_way(tmp_path: Path) -> None:
    before = (
        SERVER
        + """
import httpx

class http:
    client = httpx.Client()

get_slow = lambda: http.client.get(url + "/slow").text
get_again = lambda url: http.client.get(url)
load(http.client.get)
"""
    )
    found = cook(
        "httpx: a client with its pool",
        before,
        HTTP_AFTER.replace("warning", "critical").replace("# collect", 'hooks.reclaim("critical")'),
        tmp_path,
    )
    assert (found["ran"]["renew_http_client"], found["slow"], found["again"]) == ("ran", ["ok"], "ok")
    assert (found["was"] > 30, found["left"] <= 5) == (True, True)


def test_functools_caches_are_emptied_by_name(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "prices.py").write_text("""
import functools

@functools.lru_cache(maxsize=None)
def price_of(number):
    return bytearray(200_000)

class Basket:
    @staticmethod
    @functools.cache
    def total(number):
        return bytearray(200_000)
""")
    after = """
import shop.prices as prices
for number in range(100):
    prices.price_of(number), prices.price_of(number), prices.Basket.total(number)
figures, was = hooks.status()["caches"]["prices"], rss()
hooks.reclaim("warning")
tell(back_bytes=was - rss(), hit_ratio=round(figures["hit_ratio"], 2), entries=figures["info"]["entries"],
     left=prices.price_of.cache_info().currsize + prices.Basket.total.cache_info().currsize)
"""
    found = cook("functools: caches by name", f"sys.path.insert(0, {os.fspath(tmp_path)!r})", after, tmp_path)
    assert (found["hit_ratio"], found["entries"], found["left"]) == (0.33, 200, 0)
    assert found["back_bytes"] > 30_000_000
