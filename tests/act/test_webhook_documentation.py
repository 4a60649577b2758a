"""Is what the page about webhooks says true? Its recipe is run, its defaults are compared."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import brimwatch
from brimwatch.act.kinds import ACTIONS
from brimwatch.act.post_webhook import parse
from brimwatch.act.sign_webhook import signed
from brimwatch.act.webhook_options import KEYS, Webhook
from brimwatch.config import nodes
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
