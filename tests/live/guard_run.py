"""A real `brimwatch guard` around real commands, for the live tests."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GROWER = Path(__file__).parent.parent / "targets" / "grower.py"
GUARD = (sys.executable, "-m", "brimwatch", "guard")
PYTHON = sys.executable


def guard(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a guard to its end."""
    options = {"capture_output": True, "text": True, "timeout": 60, "stdin": subprocess.DEVNULL} | options
    return subprocess.run([*GUARD, *words], **options)


def account(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def lines_of(stream: Any, until: str) -> list[str]:
    """Read lines up to one that has `until` in it."""
    found = []
    for line in stream:
        found.append(line.rstrip("\n"))
        if until in line:
            return found
    raise AssertionError(f"no line with {until!r} in {found}")


def script(text: str) -> Sequence[str]:
    """A command that runs this Python text."""
    return (PYTHON, "-c", text)
