"""Is what docs/hooks.md says of the wire true? Its requests are sent as they stand, its answers compared by shape."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.speaking import Target, connect, read_reply

from brimwatch import hooks
from brimwatch.hooks import wire
from brimwatch.hooks.builtin import add_builtin
from brimwatch.hooks.registry import Registry
from brimwatch.hooks.settings import LEVELS

PAGE = (Path(__file__).parent.parent.parent / "daemon" / "docs" / "hooks.md").read_text()
REPORTS = """
cache = [1]
hooks.register('reports', size=lambda: 9, hit_ratio=lambda: 0.5, info=lambda: {'n': 1}, function=lambda request: 5)
hooks.reclaim('warning', names=['reports'])
"""


def example(heading: str, language: str) -> str:
    """The first block of a language below a heading."""
    section = PAGE.split(f"### `{heading}`\n")[1]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def as_sent(text: str) -> bytes:
    head, _, body = text.partition("\n\n")
    return (head.replace("\n", "\r\n").strip() + "\r\n\r\n" + body.rstrip("\n")).encode()


def shape(value: Any) -> Any:
    """The names in an answer, without its values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key not in ("thresholds", "info")}
    if isinstance(value, list):
        return [shape(value[0])] if value and isinstance(value[0], dict) else "list"
    return "value"


@pytest.mark.live
@pytest.mark.parametrize("heading", ["GET /v1/stats", "POST /v1/reclaim", "PUT /v1/tier"])
def test_what_the_page_sends_is_answered_in_the_shape_it_shows(start: Callable[..., Target], heading: str) -> None:
    target = start(REPORTS)
    with connect(target.address()) as client:
        # Somebody has to hold a lease for it to have a shape.
        client.sendall(as_sent(example("PUT /v1/tier", "http")))
        assert read_reply(client).status == 200
        client.sendall(as_sent(example(heading, "http")))
        reply = read_reply(client)
    shown = json.loads(example(heading, "json"))
    found = dict(reply.body)
    if "hooks" in found:
        found["hooks"] = [hook for hook in found["hooks"] if hook["name"] == "reports"]
    if "busy" in shown:
        assert found["busy"] is None
    assert (reply.status, shape(found)) == (200, shape(shown))


def test_every_function_a_program_may_call_is_documented() -> None:
    assert [name for name in hooks.__all__ if name not in ("Request",) and f"hooks.{name}" not in PAGE] == []
    assert [name for name in (*LEVELS, *LEVELS["standard"]) if f"`{name}`" not in PAGE] == []


def test_every_field_of_a_request_is_documented() -> None:
    public = [name for name in dir(hooks.Request) if not name.startswith("_") and name != "named"]
    assert [name for name in public if f"`{name}`" not in PAGE and f"`{name}()`" not in PAGE] == []


def test_built_in_hooks_stand_with_their_order_and_tier() -> None:
    registry = Registry()
    add_builtin(registry)
    for hook in registry.hooks.values():
        assert f"| `{hook.name}` | {hook.tier} |" in PAGE
        assert f"{hook.order} `{hook.name}`" in PAGE


@pytest.mark.parametrize(
    "number",
    [wire.LONGEST_LINE, wire.LONGEST_HEAD, wire.LONGEST_BODY, wire.LONGEST_ANSWER, int(wire.LONGEST_LEASE)],
)
def test_bounds_are_those_of_the_wire(number: int) -> None:
    assert f"{number:,}" in PAGE


def test_every_reason_of_a_hook_is_documented() -> None:
    assert [reason for reason in wire.REASONS if f"`{reason}`" not in PAGE] == []


def test_every_variable_is_documented() -> None:
    start = (Path(hooks.__file__).parent / "start" / "sitecustomize.py").read_text()
    names = {*re.findall(r"BRIMWATCH_[A-Z_]+", start), wire.ENVIRONMENT}
    assert [name for name in names if f"`{name}`" not in PAGE] == []
