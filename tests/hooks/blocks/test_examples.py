"""Do the pages of the blocks show what happens? Their first example is run as it stands, in a fresh interpreter.

Each names every argument and figure of its block, on one screen.
"""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.conftest import DAEMON

from brimwatch import hooks
from brimwatch.hooks.guarding import GUARDS
from brimwatch.hooks.services import VARIABLE
from brimwatch.hooks.settings import LEVELS
from brimwatch.hooks.streaming import STREAMS
from brimwatch.hooks.supervised import STATES

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
    found = {name: getattr(hooks, name) for name in hooks._BLOCKS}
    raised = {name for name, one in found.items() if isinstance(one, type) and issubclass(one, Exception)}
    assert {*found} - raised == {*NAMES}


def test_the_levels_of_the_index_are_those_of_the_settings() -> None:
    for setting in LEVELS["standard"]:
        values = " | ".join(str(LEVELS[level][setting]) for level in ("basic", "standard", "aggressive"))
        assert f"| `{setting}` | {values} |" in INDEX


def store() -> Any:
    made = hooks.VectorStore(f"{os.environ['BRIMWATCH_RUN_DIR']}.vectors")
    made.add("a", [1.0])
    return made


def batcher() -> Any:
    made = hooks.AdaptiveBatcher()
    made.allowed()
    return made


def guard() -> Any:
    with hooks.memory_guard("page"):
        return GUARDS.record("page")


# Page to what is called, and to what has the figures.
BLOCKS: dict[str, tuple[Callable[..., Any], Callable[[], Any]]] = {
    "priority-cache": (hooks.PriorityCache, hooks.PriorityCache),
    "session-pool": (hooks.SessionPool, hooks.SessionPool),
    "vector-store": (hooks.VectorStore, store),
    "lazy-module": (hooks.LazyModule, lambda: hooks.LazyModule("colorsys").__lazy__),
    "circuit-breaker": (hooks.CircuitBreaker, hooks.CircuitBreaker),
    "memory-guard": (hooks.memory_guard, guard),
    "adaptive-batcher": (hooks.AdaptiveBatcher, batcher),
    "stream-chunks": (hooks.stream_chunks, lambda: STREAMS),
    "tune-gc": (hooks.tune_gc, lambda: hooks.tune_gc(freeze=False)),
    "limit-threads": (hooks.limit_threads, hooks.limit_threads),
    "leak-detector": (hooks.LeakDetector, lambda: hooks.LeakDetector(start=False)),
    "single-instance": (hooks.single_instance, lambda: hooks.single_instance("pages")),
    "background-services": (hooks.BackgroundServices, hooks.BackgroundServices),
}


@pytest.mark.parametrize("page", BLOCKS)
def test_every_argument_and_figure_of_a_block_stands_on_its_page(
    page: str, run_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIMWATCH_RUN_DIR", run_dir)
    text = (DOCS / "blocks" / f"{page}.md").read_text()
    call, make = BLOCKS[page]
    block = make()
    try:
        names = [*inspect.signature(call).parameters, *block.info()]
    finally:
        end = next((getattr(block, name) for name in ("undo", "close", "release") if hasattr(block, name)), None)
        if end is not None:
            end()
    assert len(names) > 1
    assert [name for name in names if not re.search(rf"`{name}\b", text)] == []


def test_there_is_a_page_for_every_block() -> None:
    assert [page.stem for page in PAGES] == sorted(BLOCKS)


def test_every_state_of_a_service_and_the_variable_are_documented() -> None:
    page, hooks_page = ((DOCS / name).read_text() for name in ("blocks/background-services.md", "hooks.md"))
    shown = {"running", "stopped", "crashed", "failed", "ended", "stopping", "disabled", "waiting"}
    assert set(STATES) == shown
    assert [state for state in STATES if f"`{state}`" not in page] == []
    assert (VARIABLE in page, f"`{VARIABLE}`" in hooks_page) == (True, True)
