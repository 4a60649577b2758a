import re
from collections.abc import Collection
from pathlib import Path

import pytest
import yaml
from tests.config.doubles import KINDS

from brimwatch import units
from brimwatch.act.kinds import ACTIONS
from brimwatch.config.actions import COMMON_KEYS, WHERE
from brimwatch.config.conditions import EVERY, NAMES
from brimwatch.config.embedded import DEFAULT, embedded
from brimwatch.config.inherit import POLICY_KEYS, TIER_KEYS, TIERS
from brimwatch.config.load import GLOBAL_KEYS, TOP_KEYS, load
from brimwatch.config.match import MATCH_KEYS
from brimwatch.config.policies import SELECT
from brimwatch.config.presets import default_config
from brimwatch.config.targets import AS, PRIORITIES, TARGET_KEYS, TEMPLATES
from brimwatch.quantity import INSIDE

PAGE = (Path(__file__).parents[2] / "daemon" / "docs" / "configuration.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
WORDS = set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)))


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(TOP_KEYS, id="the sections"),
        pytest.param(GLOBAL_KEYS, id="the keys of global"),
        pytest.param(TARGET_KEYS, id="the keys of a target"),
        pytest.param((*AS, *PRIORITIES, *TEMPLATES), id="the words of a target"),
        pytest.param(MATCH_KEYS, id="the keys of a match"),
        pytest.param((*POLICY_KEYS, *SELECT), id="the keys of a policy"),
        pytest.param((*TIERS, *TIER_KEYS), id="the tiers and their keys"),
        pytest.param((*NAMES, EVERY), id="the quantities of a condition"),
        pytest.param((*COMMON_KEYS, *WHERE), id="the keys of every action"),
        pytest.param(
            tuple(key for kind in ACTIONS.values() for key in kind.KEYS), id="the keys of each kind of action"
        ),
        pytest.param((*units._SIZES, *units._DURATIONS), id="the units"),
        pytest.param(tuple(default_config(KINDS).policies), id="the built-in policies"),
        pytest.param(tuple(default_config(KINDS).actions), id="the built-in actions"),
    ],
)
def test_everything_that_may_be_written_is_explained(keys: Collection[str]) -> None:
    assert [key for key in keys if key not in WORDS] == []


def test_what_is_seen_only_inside_is_marked() -> None:
    marked = re.findall(r"^\| `(\w+)` \|.*¹ \|$", PAGE, re.MULTILINE)
    assert sorted(marked) == sorted(INSIDE)


def test_the_examples_are_configurations() -> None:
    examples = [text for language, text in FENCES if language == "yaml"]
    assert len(examples) == 3
    for text in examples:
        load(text, "configuration.md", ACTIONS)


def test_the_embedded_default_is_shown_as_it_is() -> None:
    (shown,) = (text for _, text in FENCES if "{container}" in text)
    assert yaml.safe_load(shown) == yaml.safe_load(embedded(DEFAULT))


def test_defaults_are_told_as_they_are() -> None:
    config = default_config(KINDS)
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert units.parse_duration(rows["interval"]) == config.interval
    assert (rows["dry_run"] == "true") == config.dry_run
    assert rows["run_dir"] == config.run_dir
    assert units.parse_duration(rows["retention"]) == config.retention
    assert units.parse_ratio(rows["introspection_budget"]) == config.introspection_budget
