"""What do the tests of the reference service share? Its index, built once, and services that end with their test."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.rag.running import Service, running

NEEDED = ("flask", "numpy", "sklearn")


@pytest.fixture(scope="session")
def rag_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that tests/targets/rag_service/index.py writes."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        reason = f"{', '.join(missing)} not installed: `make test` brings it (pip install '.[dev]')"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from tests.targets.rag_service.index import build

    folder = tmp_path_factory.mktemp("rag-index")
    build(folder)
    return folder


@pytest.fixture
def start(
    leak_guard: None, rag_index: Path, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Callable[..., Service]]:
    """`start("naive", **environment)` is a running build, ended by its PID after the test."""
    with ExitStack() as stack:

        def begin(build: str, *before: str, **settings: Any) -> Service:
            settings.setdefault("PYTHONDONTWRITEBYTECODE", "1")
            return stack.enter_context(running(build, rag_index, tmp_path, free_port(), before, **settings))

        yield begin
