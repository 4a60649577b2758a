"""Does what looks inside processes begin wherever the daemon does?"""

import io
import os
import sys

import pytest

from brimwatch.inspect import worker


def test_it_begins_where_a_sandbox_forbids_to_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def forbidden(step: int) -> int:
        asked.append(step)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", forbidden)  # as systemd's SystemCallFilter=~@resources does
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    worker.main()
    assert asked == [worker.NICE]
