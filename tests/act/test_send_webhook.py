"""What becomes of one try, at every sort of receiver? Real servers on loopback, each misbehaving in one way."""

import asyncio
import email.utils
import time
from pathlib import Path

import pytest
from tests.act.sinks import GIGABYTE, Behaviour, answer, drips, floods, raw, silent, sink, stalls

from brimwatch.act.send_webhook import Fate, Reply, send_and_read, send_once
from brimwatch.act.sign_webhook import signed
from brimwatch.act.webhook_options import Webhook
from brimwatch.units import Seconds

WALL = 1_700_000_000.9
FINE = answer("204 No Content")
BODY = b'{"type":"test"}'
WAITING = "waiting for the answer"
REDIRECT = "is not followed; put the final address into `url`"
LONG_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n"


def send(options: Webhook, message_id: str = "msg_1", wall: float = WALL) -> Reply:
    return asyncio.run(send_once(options, message_id, BODY, wall))


def reply_of(behaviour: Behaviour, timeout: float = 20.0, reads: bool = True) -> Reply:
    with sink(behaviour, reads=reads) as receiver:
        reply = send(Webhook(receiver.url, timeout=Seconds(timeout)))
        return reply._replace(detail=reply.detail.replace(receiver.url.removesuffix("/hook"), "SINK"))


def told(reply: Reply) -> tuple[Fate, int | None, float | None, str]:
    return reply.fate, reply.status, reply.retry_after, reply.detail


def test_a_good_message_arrives_whole() -> None:
    with sink(answer("204 No Content")) as receiver:
        reply = send(Webhook(receiver.url + "?token=secret", headers=(("X-Team", "memory"),)))
    (heard,) = receiver.heard
    assert told(reply)[:3] == (Fate.DELIVERED, 204, None)
    assert reply.detail == f"http://127.0.0.1:{receiver.port} answered 204 No Content"
    assert 0 < reply.seconds < 20
    assert heard.line == "POST /hook?token=secret HTTP/1.1"
    assert heard.body == BODY
    assert heard.headers.pop("user-agent").startswith("Brimwatch/")
    assert heard.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "accept-encoding": "identity",
        "connection": "close",
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "x-team": "memory",
    }


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param(
            answer("500 Internal Server Error", b"sorry\nTraceback"),
            (Fate.RETRY, 500, None, "SINK answered 500 Internal Server Error: sorry?Traceback"),
            id="500 may pass",
        ),
        pytest.param(
            answer("503 Busy", b"", "Retry-After: 7"),
            (Fate.RETRY, 503, 7.0, "SINK answered 503 Busy"),
            id="503 says when to come back",
        ),
        pytest.param(
            answer("429 Too Many Requests", b"", f"Retry-After: {email.utils.formatdate(WALL + 30.1, usegmt=True)}"),
            (Fate.RETRY, 429, pytest.approx(30.1), "SINK answered 429 Too Many Requests"),
            id="429 says when to come back as a date",
        ),
        pytest.param(
            answer("429 Too Many Requests", b"", "Retry-After: soon"),
            (Fate.RETRY, 429, None, "SINK answered 429 Too Many Requests"),
            id="a Retry-After that means nothing is no wait",
        ),
        pytest.param(
            answer("408 Request Timeout"), (Fate.RETRY, 408, None, "SINK answered 408 Request Timeout"), id="408"
        ),
        pytest.param(answer("425 Too Early"), (Fate.RETRY, 425, None, "SINK answered 425 Too Early"), id="425"),
        pytest.param(
            answer("400 Bad Request", b"unknown label", "Retry-After: 7"),
            (Fate.REFUSED, 400, None, "SINK answered 400 Bad Request: unknown label"),
            id="400 stays 400",
        ),
        pytest.param(answer("410 Gone"), (Fate.REFUSED, 410, None, "SINK answered 410 Gone"), id="410 is final"),
        pytest.param(
            answer("302 Found", b"", "Location: http://127.0.0.1:9/steal?token=1"),
            (
                Fate.REFUSED,
                302,
                None,
                f"SINK answered 302 Found: a redirect to http://127.0.0.1:9 {REDIRECT}",
            ),
            id="a redirect is not followed",
        ),
        pytest.param(
            answer("308 Permanent Redirect", b"", "Location: /there"),
            (
                Fate.REFUSED,
                308,
                None,
                f"SINK answered 308 Permanent Redirect: a redirect to another path {REDIRECT}",
            ),
            id="nor one that keeps the method",
        ),
        pytest.param(
            raw(b"HTTP/1.1 404 \x1b[31mred\r\nContent-Length: 4\r\n\r\n\x1b[2J"),
            (Fate.REFUSED, 404, None, "SINK answered 404 ?[31mred: ?[2J"),
            id="nor in the phrase behind the status",
        ),
        pytest.param(
            answer("404 Not Found", b"\x1b[2J\xff%s{}"),
            (Fate.REFUSED, 404, None, "SINK answered 404 Not Found: ?[2J\ufffd%s{}"),
            id="what a terminal would obey is not shown",
        ),
        pytest.param(
            raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            (Fate.RETRY, None, None, "SINK: what it answers is no HTTP: illegal status line: "),
            id="garbage",
        ),
        pytest.param(
            raw(b""),
            (Fate.RETRY, None, None, f"SINK: {WAITING}: the connection was closed without an answer"),
            id="an early end",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-"),
            (Fate.RETRY, None, None, "SINK: what it answers is no HTTP: "),
            id="an end within the headers",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            (Fate.DELIVERED, 200, None, "SINK answered 200 OK, and its answer breaks off"),
            id="an end within the body of a good answer",
        ),
        pytest.param(
            raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n"),
            (Fate.DELIVERED, 202, None, "SINK answered 202 Accepted"),
            id="interim answers are passed over",
        ),
        pytest.param(
            floods(b"HTTP/1.1 200 OK\r\nX-Endless: ", GIGABYTE),
            (Fate.RETRY, None, None, "SINK: what it answers is no HTTP: "),
            id="a header without end",
        ),
        pytest.param(
            raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
            (Fate.RETRY, None, None, f"SINK: {WAITING}: interim answers without end"),
            id="interim answers without end",
        ),
    ],
)
def test_what_an_answer_means(behaviour: Behaviour, expected: tuple[Fate, int | None, float | None, str]) -> None:
    fate, status, waits, detail = told(reply_of(behaviour))
    assert (fate, status, waits) == expected[:3]
    assert detail.startswith(expected[3])
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param(silent, (Fate.RETRY, None), id="silence"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), (Fate.RETRY, None), id="headers that drip"),
        pytest.param(
            stalls(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n"), (Fate.RETRY, 500), id="a bad answer stalls"
        ),
        pytest.param(
            drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
            (Fate.DELIVERED, 200),
            id="the body of a good answer drips",
        ),
    ],
)
def test_a_slow_receiver_is_given_its_time_and_no_more(behaviour: Behaviour, expected: tuple[Fate, int | None]) -> None:
    reply = reply_of(behaviour, timeout=1.0)
    assert (reply.fate, reply.status) == expected
    assert reply.seconds >= 1.0
    if reply.status is None:
        assert reply.detail == "SINK: no answer within 1.0s, waiting for the answer"


@pytest.mark.parametrize(
    "head",
    [pytest.param(LONG_HEAD, id="with its length"), pytest.param(CHUNKED, id="in chunks")],
)
def test_an_answer_of_two_gigabytes_is_not_read_on(head: bytes) -> None:
    with sink(floods(head, 2 * GIGABYTE)) as receiver:
        tried = asyncio.run(send_and_read(Webhook(receiver.url, timeout=Seconds(20.0)), "msg_1", BODY, WALL))
    assert (tried.reply.fate, tried.reply.status, tried.answer) == (Fate.DELIVERED, 200, b"")
    assert receiver.sent < 32 << 20  # what the kernel's buffers take


def test_secrets_are_read_again_for_each_message(tmp_path: Path) -> None:
    token, key, secret = (tmp_path / name for name in ("token", "key", "secret"))
    options = {"bearer_token_file": str(token), "headers_file": (("X-Api-Key", str(key)),), "secret_file": str(secret)}
    with sink(FINE) as receiver:
        for content in ("one", "two\n"):
            for path in (token, key, secret):
                path.write_text(content)
            assert send(Webhook(receiver.url, **options)).fate is Fate.DELIVERED
    seen = [(heard.headers["authorization"], heard.headers["x-api-key"]) for heard in receiver.heard]
    assert seen == [("Bearer one", "one"), ("Bearer two", "two")]
    assert receiver.heard[1].headers["webhook-signature"] == signed([b"two"], "msg_1", int(WALL), BODY)


def test_without_its_secret_a_message_is_not_sent_and_may_be_later(tmp_path: Path) -> None:
    with sink(FINE) as receiver:
        reply = send(Webhook(receiver.url, secret_file=str(tmp_path / "gone")))
    assert (reply.fate, receiver.heard) == (Fate.RETRY, [])
    assert reply.detail.endswith(f": nothing is sent: {tmp_path / 'gone'} cannot be read: No such file or directory")


def test_an_address_that_is_none_is_final_and_no_crash() -> None:
    assert told(send(Webhook("nowhere"))) == (
        Fate.REFUSED, None, None, "nowhere to send it: wanted an http or https address with a host",
    )  # fmt: skip


def test_a_receiver_that_is_down_may_come_back(free_port: object) -> None:
    port = free_port()  # type: ignore[operator]
    reply = send(Webhook(f"http://127.0.0.1:{port}/hook?token=secret"))
    expected = (Fate.RETRY, None, None, f"http://127.0.0.1:{port}: connecting: Connection refused")
    assert told(reply) == expected


def test_a_receiver_that_closes_without_reading_may_come_back() -> None:
    assert reply_of(raw(b""), reads=False).fate is Fate.RETRY


def test_localhost_is_tried_on_both_of_its_addresses() -> None:
    with sink(answer("200 OK")) as receiver:
        reply = send(Webhook(f"http://localhost:{receiver.port}/"))
    assert reply.fate is Fate.DELIVERED
    assert receiver.heard[0].headers["host"] == f"localhost:{receiver.port}"


def test_a_whole_answer_is_handed_over_and_a_broken_one_is_not() -> None:
    for said, expected in ((answer("200 OK", b"{}"), b"{}"), (raw(LONG_HEAD + b"{}"), b"")):
        with sink(said) as receiver:
            assert asyncio.run(send_and_read(Webhook(receiver.url), "msg_1", BODY, WALL)).answer == expected


def test_a_try_that_is_given_up_closes_its_connection() -> None:
    async def give_up(url: str) -> None:
        task = asyncio.ensure_future(send_once(Webhook(url), "msg_1", BODY, time.time()))
        while not receiver.heard:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    ended: list[bytes] = []

    def listens(connection: object, _: object) -> None:
        ended.append(connection.recv(1))  # type: ignore[attr-defined]

    with sink(listens) as receiver:
        asyncio.run(give_up(receiver.url))
        end = time.monotonic() + 10
        while not ended and time.monotonic() < end:
            time.sleep(0.01)
    assert ended == [b""]
