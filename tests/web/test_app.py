"""Does each path answer what the contract says, over a real connection?"""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain
from starlette.routing import Route
from tests.record.pictures import WALL, many, told
from tests.web.daemons import served, services

from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, EventLog
from brimwatch.web.app import build_app
from brimwatch.web.services import Services

ISO = "2025-10-09T08:53:21"


def story() -> EventLog:
    log = EventLog()
    log.add(Event(Name.DAEMON_STARTED, WALL, facts={"version": "0.1.0"}))
    log.add(Event(Name.OOM_KILLED, WALL + 1, "checkout", 3, {"evidence": "cgroup", "count": 1}))
    log.add(Event(Name.TARGET_LOST, WALL + 2, "batch"))
    return log


@pytest.fixture(scope="module")
def handed_in() -> Services:
    return services(told(), story())


@pytest.fixture(scope="module")
def client(handed_in: Services) -> Iterator[httpx.Client]:
    with served(handed_in) as url, httpx.Client(base_url=url) as client:
        yield client


def test_metrics_in_both_formats(client: httpx.Client) -> None:
    plain = client.get("/metrics")
    openmetrics = client.get("/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0"})

    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert {f.name for f in read_plain(plain.text)} == {f.name for f in read_openmetrics(openmetrics.text)}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("gzip;q=0", None), ("identity", None), ("br, *;q=0.5", "gzip"), ("gzip; q=0.000", None)],
)
def test_a_long_answer_is_compressed_where_the_client_takes_it(
    client: httpx.Client, accepted: str, coding: str | None
) -> None:
    answer = client.get("/metrics", headers={"accept-encoding": accepted})

    assert answer.headers.get("content-encoding") == coding
    assert 'brimwatch_target_up{target="checkout"} 1\n' in answer.text


def test_a_compressed_answer_is_a_whole_gzip_file() -> None:
    with served(services(many(300))) as url, httpx.stream("GET", f"{url}/metrics") as answer:
        raw = b"".join(answer.iter_raw())

    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw).count(b"brimwatch_target_up{") == 300


def test_a_short_answer_is_not_compressed(client: httpx.Client) -> None:
    assert "content-encoding" not in client.get("/api/v1/status", headers={"accept-encoding": "gzip"}).headers


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
@pytest.mark.parametrize(("good", "status"), [(True, 200), (False, 503)], ids=["well", "not well"])
def test_health(path: str, good: bool, status: int) -> None:
    def say() -> tuple[bool, str]:
        return good, "the loop is late"

    with served(replace(services(told()), healthy=say, ready=say)) as url:
        answer = httpx.get(url + path)

    assert (answer.status_code, answer.text) == (status, "the loop is late\n")


def test_the_status(client: httpx.Client) -> None:
    status = client.get("/api/v1/status").json()

    assert (status["targets"], status["tiers"]["critical"], status["dry_run"]) == (4, 1, False)


def test_targets_and_one_target(client: httpx.Client) -> None:
    targets = client.get("/api/v1/targets").json()["targets"]
    one = client.get("/api/v1/targets/checkout").json()

    assert [target["name"] for target in targets] == ["checkout", "search", "host", "batch"]
    assert one == targets[0]
    assert one["subjects"][1]["rss_bytes"] == 861_000_000


def test_a_target_whose_name_is_a_path() -> None:
    snapshot = told()
    odd = replace(snapshot.targets[1], name="system.slice/a b?&#.service")
    with served(services(replace(snapshot, targets=(odd,)))) as url:
        answer = httpx.get(url + "/api/v1/targets/system.slice/a%20b%3F%26%23.service")

    assert answer.json()["name"] == "system.slice/a b?&#.service"


def test_a_thousand_targets() -> None:
    with served(services(many(1000))) as url:
        assert len(httpx.get(url + "/api/v1/targets", timeout=30).json()["targets"]) == 1000


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", ["daemon_started", "oom_killed", "target_lost"]),
        ("?limit=1", ["target_lost"]),
        ("?target=checkout", ["oom_killed"]),
        ("?target=nobody", []),
        (f"?since={round(WALL * 1000)}", ["oom_killed", "target_lost"]),
        (f"?since={round(WALL * 1000)}&limit=1", ["oom_killed"]),
        (f"?since={WALL + 2}", ["target_lost"]),
        (f"?since={ISO}Z", ["oom_killed", "target_lost"]),
        (f"?since={ISO}", ["oom_killed", "target_lost"]),
        ("?since=2025-10-09T10:53:22+02:00", ["target_lost"]),
        ("?target=&since=&limit=", ["daemon_started", "oom_killed", "target_lost"]),
    ],
    ids=[
        "all",
        "the latest",
        "of one target",
        "of a target without",
        "after an id",
        "the first after an id",
        "from Unix seconds on",
        "from a UTC time on",
        "a time without zone is UTC",
        "a time with a zone, whose plus sign arrives as a blank",
        "empty parameters say nothing",
    ],
)
def test_events(client: httpx.Client, query: str, told: list[str]) -> None:
    assert [event["event"] for event in client.get("/api/v1/events" + query).json()["events"]] == told


SINCE = "since: wanted an event id, Unix seconds, or a time such as 2026-01-31T12:00:00Z"
LIMIT = "limit: wanted a whole number from 1 to 1000"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("since=yesterday", SINCE),
        ("since=nan", SINCE),
        ("since=-1", SINCE),
        ("since=inf", SINCE),
        ("limit=0", LIMIT),
        ("limit=1001", LIMIT),
        ("limit=1e2", LIMIT),
        ("limit=٣", LIMIT),
        ("sinse=1", "parameter not known; wanted any of target, since, limit"),
        ("target=" + "x" * 257, "a parameter is longer than 256 characters"),
    ],
)
def test_a_bad_query_says_what_was_wanted(client: httpx.Client, query: str, error: str) -> None:
    answer = client.get("/api/v1/events?" + query)

    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/api/v1/nope", 404, None),
        ("GET", "/api/v1/targets/nobody", 404, None),
        ("GET", "/api/v1/targets/", 404, None),
        ("GET", "/metrics/", 404, None),
        ("POST", "/metrics", 405, {"GET", "HEAD"}),
        ("DELETE", "/api/v1/targets", 405, {"GET", "HEAD"}),
        ("GET", "/-/reload", 405, {"POST"}),
    ],
)
def test_errors_are_json(client: httpx.Client, method: str, path: str, status: int, allow: "set[str] | None") -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert answer.headers["content-type"] == "application/json"
    assert allow is None or set(answer.headers["allow"].split(", ")) == allow


def test_an_address_that_is_not_there_is_told_which_are(client: httpx.Client, handed_in: Services) -> None:
    said = client.get("/api/v1/nope").json()["error"]
    routes = [route.path for route in build_app(handed_in).routes if isinstance(route, Route)]
    known = {path.removeprefix("/api/v1/").partition("/{")[0] for path in routes}

    assert sorted(path for path in known if path not in said) == []


def test_an_error_of_ours_is_a_500_that_tells_nothing(handed_in: Services) -> None:
    def break_down() -> object:
        raise RuntimeError("a secret")

    with served(replace(handed_in, status=break_down)) as url:
        answer = httpx.get(url + "/api/v1/status")

    assert answer.status_code == 500
    assert answer.json() == {"error": "an error inside Brimwatch; the log says which"}


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/api/v1/targets", "/api/v1/events"])
def test_head_has_the_headers_and_no_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing"])
def test_every_answer_is_dated_and_careful(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers

    assert parsedate_to_datetime(headers["date"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("path", "status"),
    [("/metrics", 200), ("/-/healthy", 200), ("/", 403), ("/api/v1/targets", 403), ("/api/v1/events", 403)],
)
def test_under_a_foreign_name_only_metrics_and_health_are_seen(client: httpx.Client, path: str, status: int) -> None:
    assert client.get(path, headers={"host": "evil.example"}).status_code == status


def test_hostile_text_reaches_the_client_as_json() -> None:
    log = EventLog()
    log.add(Event(Name.TARGET_LOST, WALL, '\udc80"\n</script>', None, {"reason": "\x1b[1m"}))
    with served(services(told(), log)) as url:
        event = json.loads(httpx.get(url + "/api/v1/events").content)["events"][0]

    assert event["facts"] == {"reason": r"\x1b[1m"}
    assert event["told"].startswith(r'\udc80"\n</script> lost')


def test_every_path_is_documented(handed_in: Services) -> None:
    document = (Path(__file__).parent.parent.parent / "daemon" / "docs" / "http.md").read_text()
    documented = set(re.findall(r"^\| `(/[^`]*)` \| ([A-Z]+) \|", document, re.MULTILINE))
    routes = [route for route in build_app(handed_in).routes if isinstance(route, Route)]

    assert documented == {
        (route.path.replace(":path", ""), method)
        for route in routes
        for method in (route.methods or ())
        if method != "HEAD"
    }
