"""What do the tests of the watch on pods share? A server that runs, a token, and a watch that waits to be run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runtime.api_server import TOKEN, ApiServer
from tests.runtime.pod_bench import Bench


@pytest.fixture
def server() -> Iterator[ApiServer]:
    running = ApiServer().start()
    yield running
    running.stop()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def bench(server: ApiServer, token_file: Path) -> Bench:
    return Bench(server, token_file)
