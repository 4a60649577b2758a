"""What does an agent cost that is slow, silent, huge or mad? Its own answer, and the reason says why."""

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.agent.answering import Speak, answer, listening, me, saying

from brimwatch.act.off_loop import Threads
from brimwatch.agent import client
from brimwatch.agent.client import Ask, Caller
from brimwatch.agent.dial import Ground
from brimwatch.agent.fault import AgentFault
from brimwatch.agent.figures import Reclaimed, Stats
from brimwatch.model import ProcessId, Reason, Tier
from brimwatch.units import Bytes, Seconds

GOOD = {"pid": 1, "rss_bytes": 2}


async def aside(work: Any) -> Any:
    return await asyncio.to_thread(work)


def caller(run_dir: Path) -> Caller:
    return Caller(Ground("/proc", str(run_dir)), aside)


def stats(run_dir: Path, process: ProcessId | None = None, within: float = 5.0) -> Stats:
    return asyncio.run(caller(run_dir).stats(process or me(), Seconds(within)))


def refused(run_dir: Path, process: ProcessId | None = None, within: float = 5.0) -> tuple[Reason, str]:
    with pytest.raises(AgentFault) as caught:
        stats(run_dir, process, within)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((answer(GOOD),), id="in one piece"),
        pytest.param(tuple(bytes([byte]) for byte in answer(GOOD)), id="byte by byte"),
        pytest.param((b"HTTP/1.1 200 OK\r\n\r\n", b'{"pid": 1, "rss_bytes": 2}'), id="until it hangs up"),
        pytest.param(
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b'5\r\n{"pid\r\n15\r\n": 1, "rss_bytes": 2}\r\n0\r\n\r\n',
            ),
            id="in chunks, as Node does",
        ),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n", answer(GOOD)), id="after an interim answer"),
    ],
)
def test_an_answer_is_read_however_it_comes(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    with listening(tmp_path / "run", saying(*parts)):
        assert stats(tmp_path / "run") == Stats(1, 2)


@pytest.mark.parametrize(
    ("parts", "reason", "detail"),
    [
        pytest.param((b"SSH-2.0-OpenSSH_9.2\r\n" * 3,), Reason.ERROR, "no HTTP", id="another protocol"),
        pytest.param((bytes(range(256)) * 300,), Reason.ERROR, "no HTTP", id="garbage"),
        pytest.param((), Reason.ERROR, "without an answer", id="nothing"),
        pytest.param((answer(GOOD)[:-5],), Reason.ERROR, "no HTTP", id="half an answer"),
        pytest.param((b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9999,), Reason.ERROR, "no HTTP", id="headers without end"),
        pytest.param((answer(b"x" * 10_000_000),), Reason.ERROR, "longer than 262144", id="ten megabytes"),
        pytest.param((b"HTTP/1.1 100 C\r\n\r\n" * 99999,), Reason.ERROR, "longer than", id="interim without end"),
        pytest.param((answer(b"no"),), Reason.ERROR, "is no JSON", id="no JSON"),
        pytest.param((answer(b"[" * 200_000),), Reason.ERROR, "is no JSON", id="too deep"),
        pytest.param(
            (answer(b'{"pid": ' + b"9" * 5000 + b"}"),), Reason.ERROR, "is no JSON", id="a number without end"
        ),
        pytest.param((answer(b'{"pid": NaN}'),), Reason.ERROR, "is no JSON", id="no number"),
        pytest.param((answer(b"\xff\xfe"),), Reason.ERROR, "is no JSON", id="no text"),
        pytest.param((answer([GOOD]),), Reason.ERROR, "no JSON object", id="a list"),
        pytest.param((answer({"pid": 1}),), Reason.ERROR, "no pid and rss_bytes", id="figures without a size"),
        pytest.param(
            (answer({"error": "busy", "detail": "PID 7\n\x1b[2J"}, "409 Conflict"),),
            Reason.BUSY,
            "it answers 409: PID 7  [2J",
            id="another daemon's",
        ),
        pytest.param((answer({"error": "denied"}, "403 No"),), Reason.DENIED, "it answers 403", id="another user's"),
        pytest.param((answer({}, "404 No"),), Reason.UNSUPPORTED, "it answers 404", id="no such path"),
        pytest.param((answer(b"oops", "500 Oh"),), Reason.ERROR, "it answers 500", id="its own fault"),
        pytest.param((answer({}, "302 Go"),), Reason.ERROR, "it answers 302", id="a redirect is not followed"),
    ],
)
def test_a_bad_answer_is_a_reason(tmp_path: Path, parts: tuple[bytes, ...], reason: Reason, detail: str) -> None:
    with listening(tmp_path / "run", saying(*parts)):
        found = refused(tmp_path / "run")
    assert found[0] is reason
    assert detail in found[1]
    assert found[1].isprintable()


def dripping(client: socket.socket) -> None:
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        client.sendall(b"y")
        time.sleep(0.02)


@pytest.mark.parametrize("speak", [lambda client: client.recv(65536) and client.recv(65536), dripping])
def test_one_that_takes_its_time_is_given_up(tmp_path: Path, speak: Speak) -> None:
    with listening(tmp_path / "run", speak):
        assert refused(tmp_path / "run", within=0.3) == (Reason.DEADLINE, "it does not answer within 0.3 s")


def test_what_is_asked_for_is_what_the_wire_says(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def speak(client: socket.socket) -> None:
        asked.append(client.recv(65536))
        client.sendall(answer({"claimed_bytes": 5, "reclaimed_bytes": -3}))

    ask = Ask(Tier.CRITICAL, Seconds(2.0), ("a", "b"), Bytes(-7), 1.5, "rss\n" + "x" * 99)
    with listening(tmp_path / "run", speak):
        found = asyncio.run(caller(tmp_path / "run").reclaim(me(), ask))
        thresholds = {Tier.WARNING: Bytes(5), Tier.CRITICAL: Bytes(0)}
        told = caller(tmp_path / "run").tell(me(), Tier.CALM, Seconds(30.0), thresholds, Seconds(5.0))
        asyncio.run(told)
    assert found == Reclaimed((), 5, -3, True)
    assert asked[0].startswith(b"POST /v1/reclaim HTTP/1.1\r\n")
    for part in (b'"tier":"critical"', b'"names":["a","b"]', b'"needed_bytes":0', b'"severity_ratio":1.5', b'"rss xxx'):
        assert part in asked[0]
    assert asked[1].startswith(b"PUT /v1/tier HTTP/1.1\r\n")
    assert b'"tier":"calm","expires_seconds":30.0' in asked[1]
    assert b'"thresholds":{"warning":5}' in asked[1]


def test_a_process_that_is_gone_is_said_to_be(tmp_path: Path, spawn: Any) -> None:
    child = spawn(["true"])
    child.wait(10)
    assert refused(tmp_path / "run", ProcessId(child.pid, 1))[0] is Reason.VANISHED
    assert refused(tmp_path / "run", ProcessId(me().pid, me().start_ticks - 1))[0] is Reason.VANISHED


def test_a_container_whose_paths_hang_is_given_one_thread_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, release = [], threading.Event()

    def hanging(*_: object, inside: bool) -> socket.socket:
        began.append(inside)
        release.wait(20)
        raise AgentFault(Reason.NO_AGENT, "nobody")

    monkeypatch.setattr(client, "dial", hanging)
    monkeypatch.setattr(client, "view_of", lambda path: (path, ""))
    asked = Caller(Ground("/proc", str(tmp_path)), Threads("test", 2).run)

    async def ask(within: float) -> str:
        with pytest.raises(AgentFault) as caught:
            await asked.stats(me(), Seconds(within))
        return caught.value.detail

    async def story() -> None:
        assert await ask(0.2) == "it does not answer within 0.2 s"
        assert await ask(20) == "an earlier look below its root has not come back"
        assert began == [True]
        release.set()
        while await ask(20) != "nobody":
            await asyncio.sleep(0.01)

    asyncio.run(story())
