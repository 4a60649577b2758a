"""Do the built-in hooks free what they say, and leave alone what they must?"""

import functools
import gc
import linecache
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.conftest import VERSIONS, find_python

from brimwatch.hooks import clearing, collect, stdlib_caches
from brimwatch.hooks.modules import Unloadable
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.trim import trim


class Node:
    def __init__(self) -> None:
        self.itself = self


def request(tier: str = "emergency") -> Request:
    return Request(tier, 10.0)


def rounds(monkeypatch: pytest.MonkeyPatch, tier: str, free: int) -> int:
    """How many collections one call makes where each of the first `free` frees something."""
    made: list[int] = []
    held = [[bytes(9) for _ in range(sys.getallocatedblocks() // 20)] for _ in range(free)]

    def collecting() -> int:
        made.append(1)
        if held:
            held.pop()
        return 0

    monkeypatch.setattr(collect.gc, "collect", collecting)
    collect.collect(request(tier))
    return len(made)


@pytest.mark.parametrize(
    ("tier", "free", "expected"),
    [
        pytest.param("emergency", 0, 1, id="a first round that frees nothing is the last"),
        pytest.param("emergency", 2, 3, id="rounds go on while each frees a hundredth"),
        pytest.param("emergency", 9, 5, id="five rounds at most in an emergency"),
        pytest.param("critical", 9, 2, id="two at critical"),
        pytest.param("warning", 9, 1, id="one at warning"),
    ],
)
def test_collections_go_on_as_long_as_they_are_worth_it(
    monkeypatch: pytest.MonkeyPatch, tier: str, free: int, expected: int
) -> None:
    assert expected == rounds(monkeypatch, tier, free)


def test_a_collection_frees_cycles() -> None:
    import weakref

    gc.disable()
    try:
        node = weakref.ref(Node())
        assert node() is not None
        collect.collect(request("warning"))
        assert node() is None
    finally:
        gc.enable()


def test_trim_gives_back_what_the_allocator_holds() -> None:
    claimed = trim(request())
    assert claimed is not None
    assert claimed >= 0


def test_a_fork_that_was_not_frozen_skips_the_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect.HERITAGE, "would_unshare", True)
    with pytest.raises(Skip) as caught:
        collect.collect(request())
    assert caught.value.reason == "would_unshare"


def test_caches_of_the_standard_library_are_emptied() -> None:
    import fnmatch
    import typing

    re.compile("only here [0-9]+")
    fnmatch.fnmatch("a", "only here*")
    typing.List[Node]  # noqa: UP006 - fills a cache
    stdlib_caches.clear_stdlib_caches(request())
    assert fnmatch._compile_pattern.cache_info().currsize == 0
    assert len(re._cache) == 0


def test_lines_of_files_go_and_those_of_code_without_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text("x = 1\n")
    linecache.getline(str(path), 1)
    linecache.cache["<made>"] = (6, None, ["y = 2\n"], "<made>")
    stdlib_caches.clear_stdlib_caches(request())
    assert (str(path) in linecache.cache, linecache.cache.pop("<made>")[2]) == (False, ["y = 2\n"])


def test_singletons_stay_what_they_are() -> None:
    import zoneinfo

    zone = zoneinfo.ZoneInfo("UTC") if zoneinfo.available_timezones() else None
    stdlib_caches.clear_stdlib_caches(request())
    assert zone is None or zoneinfo.ZoneInfo("UTC") is zone


LOOK_UP = """
import importlib, operator, sys
for pair in sys.argv[1:]:
    module, _, name = pair.partition(':')
    try:
        operator.attrgetter(name)(importlib.import_module(module))
        print(pair)
    except (AttributeError, ImportError):
        pass
"""


def test_every_cache_that_is_named_exists_in_some_python() -> None:
    pairs = [f"{module}:{name}" for module, name in stdlib_caches.CLEARED]
    pythons = [python for version in VERSIONS if (python := find_python(version)) is not None]
    if len(pythons) < 2:
        pytest.skip("one Python alone has not all of them")
    found: set[str] = set()
    for python in pythons:
        command = [python, "-I", "-W", "ignore", "-c", LOOK_UP, *pairs]
        found |= set(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split())
    assert set(pairs) - found == set()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "lazyone"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("data = [1]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("lazyone.part")
    return "lazyone"


def test_a_pure_package_that_may_go_is_unloaded_and_comes_back(package: str) -> None:
    may_go = Unloadable()
    may_go.add(package)
    may_go.drop(request())
    assert [name for name in sys.modules if name.startswith(package)] == []
    assert __import__("lazyone.part").part.data == [1]


def test_a_package_with_an_extension_module_stays_whole(package: str) -> None:
    built_in = types.ModuleType("lazyone.fast")
    built_in.__spec__ = __import__("importlib.machinery").machinery.ModuleSpec(
        "lazyone.fast", None, origin="/x/fast.cpython-311-x86_64-linux-gnu.so"
    )
    sys.modules["lazyone.fast"] = built_in
    may_go = Unloadable()
    may_go.add(package)
    with pytest.raises(Skip):
        may_go.drop(request())
    assert "lazyone.part" in sys.modules
    del sys.modules["lazyone.fast"]


def test_built_in_modules_never_go() -> None:
    may_go = Unloadable()
    may_go.add("sys", "_thread")
    with pytest.raises(Skip):
        may_go.drop(request())
    assert "sys" in sys.modules


@functools.lru_cache
def square(number: int) -> int:
    return number * number


def test_named_caches_are_emptied_and_counted() -> None:
    held = {1: 2}
    caches = clearing.Clearing((square, held, f"{__name__}:square", "no_such_module:cache"))
    square(2), square(2), square(3)
    assert (caches.info()["entries"], caches.hit_ratio()) == (5, 1 / 3)
    caches.clear(request())
    assert (square.cache_info().currsize, held, caches.hit_ratio()) == (0, {}, None)
    assert clearing.name_of(square) == "cache:square"


def test_a_name_is_never_imported() -> None:
    caches = clearing.Clearing(("tabnanny:verbose",))
    caches.clear(request())
    assert "tabnanny" not in sys.modules


def test_figures_that_cannot_be_are_absent_and_counted() -> None:
    from brimwatch.hooks.figures import Figures
    from brimwatch.hooks.registry import Hook, Registry

    def bad() -> Any:
        raise SystemExit(3)

    registry = Registry()
    registry.add(Hook("a", "warning", None, size=bad, hit_ratio=lambda: 1.5, info=lambda: {"x": float("nan"), "y": 1}))
    registry.add(Hook("b", "warning", None, size=lambda: -1, info=lambda: {f"k{n}": n for n in range(20)}))
    figures = Figures()
    figures.refresh(registry)
    assert figures.values["a"] == {"info": {"y": 1.0}}
    assert len(figures.values["b"]["info"]) == 8
    assert figures.faults == 3
