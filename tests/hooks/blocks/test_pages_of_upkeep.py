"""Does the page of each block name every argument and figure of it, on one screen?"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brimwatch import hooks
from brimwatch.hooks.services import VARIABLE
from brimwatch.hooks.supervised import STATES

DOCS = Path(__file__).parent.parent.parent.parent / "daemon" / "docs"
SCREEN = 55  # lines


def detector() -> Any:
    return hooks.LeakDetector(start=False)


BLOCKS: dict[str, tuple[Callable[..., Any], Callable[[], Any]]] = {
    "tune-gc": (hooks.tune_gc, lambda: hooks.tune_gc(freeze=False)),
    "limit-threads": (hooks.limit_threads, hooks.limit_threads),
    "leak-detector": (hooks.LeakDetector, detector),
    "single-instance": (hooks.single_instance, lambda: hooks.single_instance("pages-of-upkeep")),
    "background-services": (hooks.BackgroundServices, hooks.BackgroundServices),
}


@pytest.mark.parametrize("page", BLOCKS)
def test_every_argument_and_figure_stands_on_its_page(page: str, run_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIMWATCH_RUN_DIR", run_dir)
    text = (DOCS / "blocks" / f"{page}.md").read_text()
    call, make = BLOCKS[page]
    block = make()
    try:
        names = [*inspect.signature(call).parameters, *block.info()]
    finally:
        getattr(block, "undo", getattr(block, "close", getattr(block, "release", None)))()
    assert names
    assert [name for name in names if f"`{name}" not in text] == []
    assert len(text.splitlines()) <= SCREEN


def test_every_state_of_a_service_and_the_variable_are_documented() -> None:
    page, hooks_page = ((DOCS / name).read_text() for name in ("blocks/background-services.md", "hooks.md"))
    shown = {"running", "stopped", "crashed", "failed", "ended", "stopping", "disabled", "waiting"}
    assert set(STATES) == shown
    assert [state for state in STATES if f"`{state}`" not in page] == []
    assert (VARIABLE in page, f"`{VARIABLE}`" in hooks_page) == (True, True)
