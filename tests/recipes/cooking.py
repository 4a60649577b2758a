"""How is a recipe tried? Its block of docs/recipes.md runs as it stands, in a process that has the real library."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parent.parent.parent / "daemon" / "docs" / "recipes.md").read_text()
BEGIN = '''
import gc, json, os, sys
from brimwatch import hooks

def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def held():
    """What the descriptors of this process lead to."""
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # that of the listing itself
            continue

def sockets():
    return sum(name.startswith("socket:") for name in held())

def files(ending):
    return sum(name.endswith(ending) for name in held())

def outcomes(account):
    return {hook["name"]: hook["outcome"] for hook in account["hooks"]}

def tell(**found):
    print(json.dumps(found))
'''


def blocks(heading: str) -> list[str]:
    """The Python blocks below a heading of the page, in their order."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def need(*modules: str) -> None:
    """Skip loudly without the libraries; `make test` brings them."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        reason = f"{', '.join(missing)} not installed: `make test` brings it (pip install '.[recipes]')"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def cook(heading: str, before: str, after: str, cwd: Path) -> Any:
    """What `after` told, once `before` and the recipe have run; shown with `-s`."""
    text = "\n".join([BEGIN, before, *blocks(heading), after])
    known = {**os.environ, "BRIMWATCH_RUN_DIR": str(cwd / "run")}
    ran = subprocess.run([sys.executable, "-c", text], cwd=cwd, env=known, capture_output=True, text=True, timeout=100)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout.splitlines()[-1])
    show(heading, found)
    return found


def show(heading: str, found: dict[str, Any]) -> None:
    """A line of figures for who runs with `-s`."""
    shown = {key: f"{value / 1e6:.1f} MB" if key.endswith("bytes") else value for key, value in found.items()}
    print(f"\n  {heading}: {shown}")
