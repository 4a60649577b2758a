"""Is what the page about webhooks says true? Its examples are made, its recipe is run, its defaults are compared."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import request_for
from tests.act.test_webhook_message import ENDS_AT, ENTERED

import brimwatch
from brimwatch.act.ask_webhook import occasion_of
from brimwatch.act.kinds import ACTIONS
from brimwatch.act.post_webhook import parse
from brimwatch.act.sign_webhook import signed
from brimwatch.act.webhook_message import compose
from brimwatch.act.webhook_options import KEYS, Webhook
from brimwatch.config import nodes
from brimwatch.model import Action
from brimwatch.units import parse_duration

PAGE = (Path(brimwatch.__file__).parents[1] / "docs" / "webhooks.md").read_text()
OPTIONS = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.partition("## Options")[2].partition("## Headers")[0], re.M))


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_option_is_documented_with_its_default() -> None:
    default = Webhook("http://x/")
    assert tuple(sorted(OPTIONS)) == tuple(sorted(KEYS))
    for name in ("timeout", "deadline", "keep"):
        assert parse_duration(OPTIONS[name].strip("`")) == getattr(default, name)
    assert OPTIONS["format"] == f"`{default.form}`"
    assert OPTIONS["tells"] == "`false`"


def test_the_examples_of_actions_are_read() -> None:
    root = nodes.compose(blocks("yaml")[0], "webhooks.md")
    actions = (root.mapping() or {})["actions"].mapping() or {}
    found = {name: parse(node) for name, node in actions.items()}
    assert root.faults.lines() == ()
    assert {name: traits.tells for name, traits in found.items() if traits is not None} == {
        "drop": False,
        "pager": True,
        "chat": True,
    }
    assert "webhook" in ACTIONS


def test_the_messages_are_those_that_are_sent() -> None:
    event, _, alert = (json.loads(block) for block in blocks("json"))
    assert event == json.loads(compose("brimwatch", ENTERED, ENDS_AT))
    assert alert == json.loads(compose("alertmanager", ENTERED, ENDS_AT))


def test_the_request_to_a_target_is_the_one_that_is_sent() -> None:
    options = Webhook("http://127.0.0.1:8000/memory/optimize")
    request = replace(
        request_for(
            options,
            target="checkout",
            needed=96_000_000,
            because="rss 8.61e+08 at 8.5e+08",
            facts={"MEMBER": "3", "RSS_BYTES": "861000000", "LIMIT_BYTES": "1000000000"},
        ),
        action=Action("drop", "webhook", options),
        severity=0.861,
    )
    occasion = replace(occasion_of(request, options, 10.0, 1_700_000_000.25), host="web-7")
    assert json.loads(blocks("json")[1]) == json.loads(compose("brimwatch", occasion, 0.0))


@pytest.fixture
def verify() -> Callable[..., bool]:
    found: dict[str, Any] = {}
    exec(blocks("python")[0], found)
    return found["is_from_brimwatch"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("secret", ["whsec_aHVzaA==", "hush"])
def test_the_recipe_verifies_what_is_signed_and_nothing_else(verify: Callable[..., bool], secret: str) -> None:
    now, body = int(time.time()), b'{"type":"tier_entered"}'

    def headers(signature: str, timestamp: int = now) -> dict[str, str]:
        return {"webhook-id": "msg_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}

    good = signed([b"old", b"hush"], "msg_1", now, body)
    assert verify(secret, headers(good), body)
    assert not verify(secret, headers(good), body + b" ")
    assert not verify(secret, headers(signed([b"other"], "msg_1", now, body)), body)
    assert not verify(secret, headers(signed([b"hush"], "msg_1", now - 400, body), now - 400), body)
    assert not verify(secret, {}, body)
