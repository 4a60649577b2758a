"""What does `brimwatch run` make of its command line?"""

import os
from typing import Any

import pytest

from brimwatch.cli import run
from brimwatch.cli.main import main
from brimwatch.runtime.options import Options
from brimwatch.runtime.storage import find_storage

BESIDE = f"{find_storage(None, {'HOME': '/home/a'})}-pid"


@pytest.mark.parametrize(
    ("words", "state", "kept"),
    [
        pytest.param(
            ("--pid", str(os.getpid())), "", (BESIDE, False), id="one process: no journal, and not its folder"
        ),
        pytest.param(("--pid", str(os.getpid())), "/s", (None, True), id="one process in a unit with a folder"),
        pytest.param(
            ("--pid", str(os.getpid()), "--storage.path", "/d"), "", ("/d", True), id="one process, and where is said"
        ),
        pytest.param(("--pid", str(os.getpid()), "--storage.path", ""), "", ("", True), id="one process, and nothing"),
        pytest.param((), "", (None, True), id="the service"),
    ],
)
def test_a_watch_on_one_process_takes_up_nothing_of_the_service(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], state: str, kept: tuple[str | None, bool]
) -> None:
    found: list[Options] = []

    class Service:
        def __init__(self, options: Options, *_: Any) -> None:
            found.append(options)

        async def run(self) -> int:
            return 0

    monkeypatch.setattr(run, "Service", Service)
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.setenv("STATE_DIRECTORY", state)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert main(["run", "--web.listen-address", "", *words]) == 0
    assert [(one.storage_path, one.journal) for one in found] == [kept]
