"""What do recipes for servers share? A run directory of the test's own."""

from pathlib import Path

import pytest


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    """Where the agents of a test have their sockets."""
    return str(tmp_path / "run")
