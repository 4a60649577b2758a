"""Whatever stands in a file, the answer is a configuration or a ConfigError whose lines are fit for a log."""

import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tests.config.doubles import KINDS, WHOLE

from brimwatch.config import tree
from brimwatch.config.actions import COMMON_KEYS
from brimwatch.config.conditions import NAMES
from brimwatch.config.inherit import POLICY_KEYS, TIER_KEYS, TIERS
from brimwatch.config.load import GLOBAL_KEYS, TOP_KEYS, load
from brimwatch.config.match import MATCH_KEYS
from brimwatch.config.settings import Config
from brimwatch.config.targets import TARGET_KEYS
from brimwatch.errors import ConfigError

EXAMPLES = 300
KEYS = (
    *TOP_KEYS,
    *GLOBAL_KEYS,
    *TARGET_KEYS,
    *MATCH_KEYS,
    *POLICY_KEYS,
    *TIERS,
    *TIER_KEYS,
    *NAMES,
    "all",
    *COMMON_KEYS,
    *KINDS,
)
VALUES = (
    "70%",
    "100MB",
    "8",
    "30s",
    "2/h",
    "standard",
    "small",
    "trim",
    "stacks",
    "host",
    "true",
    "no",
    "~",
    "",
    "*",
    "0",
    "-1",
    "1e9",
    "[",
    "(?",
    "{unit}",
    "{",
    "/run",
    "SIGTERM",
    "\x00",
    "\u202e",
    "\ud7ff",
    "x" * 5000,
)
LINES = WHOLE.splitlines()


def outcome(content: bytes | str) -> Config | tuple[str, ...]:
    try:
        return load(content, "f.yaml", KINDS)
    except ConfigError as error:
        return error.faults


def answer(content: bytes | str) -> None:
    found = outcome(content)
    if isinstance(found, Config):
        assert found.targets
        return
    assert found
    for fault in found:
        assert fault.startswith(("f.yaml:", "built-in presets.yaml:"))
        assert fault.isprintable()
        assert len(fault) <= 1010


@pytest.fixture(autouse=True, params=["the parser in use", "the Python parser"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "the Python parser":
        monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)


def often(count: int = EXAMPLES) -> settings:
    """The parser is set once for all examples, which is what `function_scoped_fixture` warns of."""
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=count, deadline=None, suppress_health_check=quiet, derandomize=True)


@often()
@given(some.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    answer(content)


@often()
@given(some.text(max_size=200))
def test_any_text(content: str) -> None:
    answer(content)


@often()
@given(some.text(alphabet="abt:{}[]-*&!|>'\"%@`#,? \n\t\\~<", max_size=60))
def test_any_text_that_looks_like_yaml(content: str) -> None:
    answer(content)


def trees() -> some.SearchStrategy[object]:
    leaves = some.one_of(
        some.sampled_from(VALUES), some.none(), some.booleans(), some.integers(), some.text(max_size=8)
    )
    keys = some.one_of(some.sampled_from(KEYS), some.text(max_size=3))

    def grown(inner: some.SearchStrategy[object]) -> some.SearchStrategy[object]:
        return some.one_of(some.lists(inner, max_size=3), some.dictionaries(keys, inner, max_size=5))

    return some.recursive(leaves, grown, max_leaves=25)


@often()
@given(some.dictionaries(some.sampled_from(TOP_KEYS), trees(), min_size=1))
def test_any_tree_of_known_and_unknown_keys(root: object) -> None:
    answer(json.dumps(root))


@often()
@given(trees())
def test_any_policy_with_any_tiers(inner: object) -> None:
    policy = {
        "extends": "small",
        "tiers": {"warning": {"when": inner, "do": inner}, "critical": inner, "emergency": inner},
    }
    target = {"name": "t", "match": inner, "policy": policy}
    answer(json.dumps({"targets": [target], "policies": {"p": policy, "q": inner}, "actions": {"a": inner}}))


@often(150)
@given(some.data())
def test_the_whole_example_with_a_few_lines_spoilt(data: some.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(some.integers(1, 4))):
        index = data.draw(some.integers(0, len(lines) - 1))
        line = lines[index]
        start = data.draw(some.integers(0, len(line)))
        end = data.draw(some.integers(start, len(line)))
        lines[index] = (
            line[:start] + data.draw(some.sampled_from((*VALUES, *KEYS, ": ", "- ", ", ", "*a", "&a "))) + line[end:]
        )
    answer("\n".join(lines))
