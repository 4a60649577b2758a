"""Is a target asked as it should be, and its answer taken for what it is worth?"""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import held, request_for
from tests.act.sinks import Behaviour, answer, in_turn, raw, silent, sink

from brimwatch.act.ask_webhook import claim_of
from brimwatch.act.post_webhook import describe, run
from brimwatch.act.sign_webhook import signed
from brimwatch.act.webhook_options import Webhook
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Seconds


def attempt_of(options: Webhook, **more: Any) -> Attempt:
    return asyncio.run(run(request_for(options, kind="webhook", **more)))


def outcome(behaviour: Behaviour, **options: Any) -> tuple[Verdict, Reason | None, int | None, bool]:
    with sink(behaviour) as receiver:
        attempt = attempt_of(Webhook(receiver.url, **options))
    return attempt.verdict, attempt.reason, attempt.claimed, attempt.settled


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            Webhook("https://shop.example:8443/memory/optimize?token=hush"),
            "send POST https://shop.example:8443/memory/optimize",
            id="of what asks the target the address is shown without its query",
        ),
        pytest.param(
            Webhook("https://chat.example/services/T0/hush", tells=True),
            "send POST https://chat.example",
            id="of what tells people the path is a secret too",
        ),
    ],
)
def test_a_drill_says_where_a_message_would_go(options: Webhook, expected: str) -> None:
    assert describe(options) == expected


def test_a_target_is_told_what_is_needed_and_why(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    with sink(answer("200 OK")) as receiver:
        attempt = attempt_of(
            Webhook(receiver.url, secret_file=str(secret)),
            needed=150_000_000,
            because="rss 9e+08 at 8.5e+08",
            facts={"MEMBER": "2", "RSS_BYTES": "900000000", "LIMIT_BYTES": "\u0661"},
        )
    (heard,) = receiver.heard
    said = json.loads(heard.body)
    assert (attempt.verdict, attempt.reason, attempt.claimed, attempt.settled) == (Verdict.RUN, None, None, False)
    assert attempt.detail.startswith(f"http://127.0.0.1:{receiver.port} answered 200 OK after ")
    assert attempt.started < attempt.ended
    assert (said["type"], said["data"]["target"], said["data"]["tier"], said["data"]["action"]) == (
        "reclaim_requested", "shop", "critical", "act",
    )  # fmt: skip
    assert (said["data"]["member"], said["data"]["host"]) == (2, os.uname().nodename)
    assert said["data"]["facts"] == {
        "rss_bytes": 900000000,
        "limit_bytes": "\u0661",
        "needed_bytes": 150000000,
        "severity_ratio": 0.0,
        "deadline_seconds": 10.0,
        "reason": "rss 9e+08 at 8.5e+08",
    }
    id_, timestamp = heard.headers["webhook-id"], int(heard.headers["webhook-timestamp"])
    assert heard.headers["webhook-signature"] == signed([b"hush"], id_, timestamp, heard.body)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param(
            answer("200 OK", b'{"reclaimed_bytes": 5000000}'),
            (Verdict.RUN, None, 5_000_000, True),
            id="an answer that says what was freed settles it",
        ),
        pytest.param(answer("200 OK", b"thanks"), (Verdict.RUN, None, None, False), id="any other good answer"),
        pytest.param(answer("401 Who"), (Verdict.FAILED, Reason.DENIED, None, False), id="it wants to know who asks"),
        pytest.param(answer("403 No"), (Verdict.FAILED, Reason.DENIED, None, False), id="it may not be asked"),
        pytest.param(answer("404 Where"), (Verdict.FAILED, Reason.ERROR, None, False), id="there is nobody"),
        pytest.param(
            answer("302 Found", b"", "Location: /"), (Verdict.FAILED, Reason.ERROR, None, False), id="a redirect"
        ),
        pytest.param(
            answer("503 Busy", b"", "Retry-After: 60"),
            (Verdict.FAILED, Reason.BUSY, None, False),
            id="it is busy for longer than there is time",
        ),
    ],
)
def test_what_an_answer_is_taken_for(
    behaviour: Behaviour, expected: tuple[Verdict, Reason | None, int | None, bool]
) -> None:
    assert outcome(behaviour) == expected


def test_silence_ends_at_the_deadline() -> None:
    with sink(silent) as receiver:
        attempt = attempt_of(Webhook(receiver.url, deadline=Seconds(1.0)))
    assert (attempt.verdict, attempt.reason) == (Verdict.FAILED, Reason.DEADLINE)
    assert len(receiver.heard) == 1


def test_the_requests_deadline_counts_as_well() -> None:
    with sink(silent) as receiver:
        attempt = attempt_of(Webhook(receiver.url), deadline=1.0)
    assert attempt.reason is Reason.DEADLINE


def test_it_is_tried_again_with_the_same_id_until_it_is_heard() -> None:
    with sink(in_turn(answer("503 Busy"), raw(b""), answer("200 OK"))) as receiver:
        attempt = attempt_of(Webhook(receiver.url, deadline=Seconds(20.0)))
    assert attempt.verdict is Verdict.RUN
    assert attempt.detail.endswith(" and 3 tries")
    assert len(receiver.heard) == 3
    assert len({heard.headers["webhook-id"] for heard in receiver.heard}) == 1
    assert len({heard.body for heard in receiver.heard}) == 1


def test_what_is_refused_is_not_tried_again() -> None:
    with sink(answer("400 Bad Request")) as receiver:
        attempt_of(Webhook(receiver.url))
    assert len(receiver.heard) == 1


def test_a_receiver_that_stays_down_is_an_error_that_says_so(free_port: Any) -> None:
    port = free_port()
    attempt = attempt_of(Webhook(f"http://127.0.0.1:{port}/", deadline=Seconds(1.0)))
    assert (attempt.verdict, attempt.reason) == (Verdict.FAILED, Reason.ERROR)
    assert attempt.detail.startswith(f"http://127.0.0.1:{port}: connecting: Connection refused after ")


@pytest.mark.live
def test_a_target_that_is_gone_is_not_asked(spawn: Any) -> None:
    child = spawn([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)
    with held(child.pid) as recipients, sink(answer("200 OK")) as receiver:
        child.wait(10)
        attempt = attempt_of(Webhook(receiver.url), recipients=recipients)
    assert (attempt.verdict, attempt.reason, receiver.heard) == (Verdict.SUPPRESSED, Reason.VANISHED, [])


def test_run_as_a_telling_rung_it_is_one_alert_that_holds_for_five_minutes() -> None:
    with sink(answer("200 OK")) as receiver:
        attempt = attempt_of(Webhook(receiver.url, "alertmanager", tells=True), because="rss 2 at 1")
    ((alert,),) = (json.loads(heard.body) for heard in receiver.heard)
    assert attempt.verdict is Verdict.RUN
    assert alert["annotations"]["summary"] == "shop is in the tier critical: rss 2 at 1"
    assert alert["labels"]["severity"] == "critical"
    assert alert["startsAt"] < alert["endsAt"]


def test_what_a_webhook_needs_is_imported_with_the_first_one_in_a_configuration_and_before_it_is_run() -> None:
    program = """
import sys
from brimwatch.act.kinds import ACTIONS
from brimwatch.config.nodes import compose
NAMES = ("h11", "json", "brimwatch.act.send_webhook")
print([name in sys.modules for name in NAMES])
ACTIONS["webhook"].parse(compose("{webhook: {url: 'http://x/'}}", "f.yaml"))
print([name in sys.modules for name in NAMES])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert ended.stdout == "[False, False, False]\n[True, True, True]\n"


def test_options_of_another_kind_are_a_failure_and_no_crash() -> None:
    attempt = asyncio.run(run(dataclasses.replace(request_for(None, kind="webhook"))))
    assert (attempt.verdict, attempt.reason) == (Verdict.FAILED, Reason.ERROR)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(b'{"reclaimed_bytes": 0}', 0, id="nothing came back"),
        pytest.param(b'{"freed_bytes": 7}', 7, id="the other word"),
        pytest.param(b'{"reclaimed_bytes": 1, "freed_bytes": 7}', 1, id="the first word goes first"),
        pytest.param(b'{"reclaimed_bytes": -1}', None, id="less than nothing"),
        pytest.param(b'{"reclaimed_bytes": 1.5e6}', None, id="no whole number"),
        pytest.param(b'{"reclaimed_bytes": true}', None, id="no number"),
        pytest.param(b'{"reclaimed_bytes": "5 MB"}', None, id="a text"),
        pytest.param(b'{"reclaimed_bytes": 99999999999999999999}', None, id="more than there is in the world"),
        pytest.param(b"[1]", None, id="a list"),
        pytest.param(b"[" * 60_000, None, id="a deep nest"),
        pytest.param(b'{"reclaimed_bytes": ' + b"9" * 60_000 + b"}", None, id="a number without end"),
        pytest.param(b"\xff\xfe", None, id="bytes that are no text"),
        pytest.param(b"", None, id="no answer"),
    ],
)
def test_what_a_target_claims_is_believed_within_reason(said: bytes, expected: int | None) -> None:
    assert claim_of(said) == expected
