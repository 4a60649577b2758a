"""Is what docs/hooks.md says of the mount true? Its paths are asked, its answers compared by shape."""

import json
import re
from typing import Any

import pytest
from tests.hooks.mounted.mounting import ask, mount
from tests.hooks.test_documentation import PAGE, shape

from brimwatch.hooks.mounted.access import VARIABLE
from brimwatch.hooks.registry import Hook

SECTION = PAGE.split("## In the program's web server\n")[1].split("\n## ")[0]
PATHS = re.findall(r"`(GET|POST) (/memory[^`]*)`", SECTION)
SHOWN = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)]


def some() -> list[Hook]:
    return [Hook("drop_reports", "warning", lambda request: 1, group="reports")]


@pytest.mark.parametrize(("method", "path"), PATHS, ids=[" ".join(found) for found in PATHS])
def test_every_path_of_the_page_is_answered(method: str, path: str) -> None:
    assert ask(mount(some()), method, path.replace("{group}", "reports")).status == 200


def test_every_path_that_there_is_stands_on_the_page() -> None:
    assert len(set(PATHS)) == 9


def test_the_answers_of_a_post_have_the_shape_that_is_shown() -> None:
    alone = ask(mount(some()), "POST", "/memory/reports/optimize").body
    everywhere = ask(mount(some()), "POST", "/memory/reports/optimize?workers=all").body
    assert shape(alone) == shape(SHOWN[0])

    def outer(found: dict[str, Any]) -> Any:
        return shape({**found, "workers": [{**found["workers"][0], "hooks": []}]})

    assert outer(everywhere) == outer(SHOWN[1])


def test_what_may_be_given_is_documented() -> None:
    assert [word for word in (VARIABLE, "open_stats", "token_file", "local=True") if f"{word}" not in SECTION] == []
