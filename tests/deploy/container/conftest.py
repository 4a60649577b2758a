"""What do the container tests share? A small root that is made once, and a pod for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.container.pod import Pod, made_pod, make_root


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("root")
    yield make_root(folder)
    shutil.rmtree(folder)


@pytest.fixture
def pod(small_root: Path, tmp_path: Path, spawn: Any, component: Callable[[str], str]) -> Iterator[Pod]:
    """A pod with its pause; loudly skipped where none can be made."""
    runc = component("runc")
    if os.geteuid() != 0:
        reason = "containers take root: run the tests as root"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with made_pod(small_root, tmp_path / "pod", spawn, runc) as made:
        yield made
