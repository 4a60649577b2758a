"""Does what looks inside processes begin wherever the daemon does?"""

import io
import os
import sys

import pytest

from brimwatch.inspect import worker


def test_it_begins_where_a_sandbox_forbids_to_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def forbidden(which: int, who: int, priority: int) -> None:
        asked.append((which, who, priority))
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", forbidden)  # as systemd's SystemCallFilter=~@resources does
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    worker.main()
    assert asked == [(os.PRIO_PROCESS, 0, worker.NICE)]
