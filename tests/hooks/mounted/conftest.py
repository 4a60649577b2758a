"""What do the tests of the mount start? A real server with a mount and a token."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.mounted.applications import SERVERS
from tests.hooks.mounted.mounting import token_file
from tests.hooks.mounted.serving import Served, answers, fetch


class Server:
    """A running one."""

    def __init__(self, process: Any, port: int) -> None:
        self.process, self.port = process, port

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Served:
        return fetch(self.port, method, path, body, **options)


@pytest.fixture
def serve(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, run_dir: str) -> Callable[..., Server]:
    """`serve("flask", ...)` is that server with the mount and a token; more words of its command line behind."""

    def begin(kind: str, *words: str, text: str | None = None, **environment: str) -> Server:
        if kind != "wsgiref":
            pytest.importorskip({"flask": "flask", "django": "django", "starlette": "uvicorn"}[kind])
        app, command = SERVERS[kind]
        (tmp_path / "app.py").write_text(app if text is None else text)
        port = free_port()
        known = {"BRIMWATCH_RUN_DIR": run_dir, "BRIMWATCH_TOKEN_FILE": token_file(tmp_path), **environment}
        process = spawn(
            [sys.executable, *command(port), *words], cwd=tmp_path, env={**os.environ, **known}, stderr=-3, stdout=-3
        )
        wait_until(lambda: answers(port), 30)
        return Server(process, port)

    return begin
