"""Do the pages of the blocks show what happens? Their first example is run as it stands, in a fresh interpreter."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.hooks.conftest import DAEMON

from brimwatch import hooks
from brimwatch.hooks.settings import LEVELS

DOCS = DAEMON / "docs"
INDEX = (DOCS / "blocks.md").read_text()
PAGES = sorted((DOCS / "blocks").glob("*.md"))
SCREEN = 60  # lines
NAMES = (
    "PriorityCache", "SessionPool", "VectorStore", "LazyModule", "CircuitBreaker", "memory_guard", "AdaptiveBatcher",
    "stream_chunks", "tune_gc", "limit_threads", "LeakDetector", "single_instance", "BackgroundServices",
)  # fmt: skip


@pytest.mark.live
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_example_of_a_page_runs_and_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    environment = {
        **os.environ,
        "PYTHONPATH": str(DAEMON),
        "BRIMWATCH_RUN_DIR": str(tmp_path / "run"),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-W", "error", "-c", code[1]]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment)
    assert (answer.returncode, answer.stderr) == (0, "")
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    if shown is not None:
        assert answer.stdout == shown[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_fits_on_a_screen(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= SCREEN


def test_every_block_is_in_the_index_and_leads_to_its_page() -> None:
    assert sorted(re.findall(r"^\| \[`(\w+)`\]\(blocks/[\w-]+\.md\)", INDEX, re.MULTILINE)) == sorted(NAMES)
    exceptions = {
        name
        for name in hooks._BLOCKS
        if isinstance(getattr(hooks, name), type) and issubclass(getattr(hooks, name), Exception)
    }
    assert {*hooks._BLOCKS} - exceptions == {*NAMES}


def test_the_levels_of_the_index_are_those_of_the_settings() -> None:
    for setting in LEVELS["standard"]:
        values = " | ".join(str(LEVELS[level][setting]) for level in ("basic", "standard", "aggressive"))
        assert f"| `{setting}` | {values} |" in INDEX


@pytest.mark.parametrize(
    "kind", [hooks.PriorityCache, hooks.SessionPool, hooks.VectorStore], ids=lambda kind: kind.__name__
)
def test_every_argument_and_figure_of_a_block_stands_on_its_page(kind: type, tmp_path: Path) -> None:
    import inspect

    page = {"PriorityCache": "priority-cache", "SessionPool": "session-pool", "VectorStore": "vector-store"}[
        kind.__name__
    ]
    text = (DOCS / "blocks" / f"{page}.md").read_text()
    block = kind(str(tmp_path / "v")) if kind is hooks.VectorStore else kind()
    if kind is hooks.VectorStore:
        block.add("a", [1.0])
    names = [*list(inspect.signature(kind).parameters), *block.info()]
    block.close()
    assert [name for name in names if not re.search(rf"`{name}\b", text)] == []
