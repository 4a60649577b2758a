"""Are modules unloaded that may go, and kept where anybody has anything of them?"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.hooks.blocks.dropping import outcome

from brimwatch import hooks
from brimwatch.hooks.modules import UNLOADABLE


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A pure Python module that nobody has imported."""
    folder = tmp_path / "lazybeast"
    folder.mkdir()
    (folder / "__init__.py").write_text("from lazybeast.part import Thing, answer\nTABLE = {'answer': answer}\n")
    (folder / "part.py").write_text(
        "import os\nclass Thing:\n    def me(self): return super().__repr__()\nONE = Thing()\ndef answer(): return 42\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    kept = UNLOADABLE.kept
    yield "lazybeast"
    UNLOADABLE.kept = kept
    for name in [name for name in sys.modules if name.startswith("lazybeast")]:
        del sys.modules[name]


def test_a_pure_module_goes_and_comes_back(module: str) -> None:
    lazy = hooks.LazyModule(module)
    assert lazy.answer() == 42
    assert outcome(lazy)[0] == "ran"
    assert [name for name in sys.modules if name.startswith(module)] == []
    assert lazy.answer() == 42


@pytest.mark.parametrize(
    "hold",
    [
        pytest.param(lambda module: sys.modules[module], id="the module"),
        pytest.param(lambda module: sys.modules[module + ".part"], id="a module below it"),
        pytest.param(lambda module: sys.modules[module].Thing, id="a class"),
        pytest.param(lambda module: sys.modules[module].Thing(), id="an instance of its class"),
        pytest.param(lambda module: sys.modules[module].answer, id="a function"),
        pytest.param(lambda module: {"deep": [sys.modules[module].TABLE]}, id="a table with its functions"),
    ],
)
def test_a_module_of_which_others_hold_something_stays(module: str, hold: Callable[[str], object]) -> None:
    lazy = hooks.LazyModule(module)
    assert lazy.answer() == 42
    held = hold(module)
    assert outcome(lazy)[:2] == ("suppressed", "busy")
    assert lazy.answer() == 42
    del held
    assert outcome(lazy)[0] == "ran"


def test_an_extension_module_stays() -> None:
    lazy = hooks.LazyModule("_json")
    assert lazy.scanstring
    found = outcome(lazy)
    assert found[:2] == ("suppressed", "unsupported")
    assert "_json" in found[2]


def test_a_critical_module_stays_whoever_else_says_that_it_may_go(module: str) -> None:
    lazy = hooks.LazyModule(module + ".part", critical=True)
    assert lazy.answer() == 42
    hooks.may_go(module)
    hooks.reclaim("emergency")
    UNLOADABLE.names = tuple(name for name in UNLOADABLE.names if name != module)
    assert module + ".part" in sys.modules


def test_a_module_that_somebody_else_unloaded_is_imported_again(module: str) -> None:
    lazy = hooks.LazyModule(module)
    assert lazy.answer() == 42
    for name in [name for name in sys.modules if name.startswith(module)]:
        del sys.modules[name]
    assert outcome(lazy)[0] == "ran"
    assert lazy.answer() == 42


def test_a_module_that_there_is_not_is_an_import_error_when_it_is_used() -> None:
    lazy = hooks.LazyModule("no_such_module_at_all")
    with pytest.raises(ModuleNotFoundError):
        lazy.anything  # noqa: B018
    assert lazy.__lazy__.failures == 1
