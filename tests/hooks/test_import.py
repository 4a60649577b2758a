"""What does it cost a program to import the hooks, and does every Python take them?"""

import json
import subprocess
from pathlib import Path

import pytest
from tests.hooks.conftest import DAEMON

HOOKS = DAEMON / "brimwatch" / "hooks"
RUN_BY_TARGETS = [
    *sorted(HOOKS.rglob("*.py")),
    *sorted((DAEMON / "brimwatch" / "cli").glob("hooks*.py")),
    *(DAEMON / "brimwatch" / name for name in ("__init__.py", "__main__.py", "errors.py", "units.py", "cli/main.py")),
]
MOST_OF_OURS = 12  # modules; the agent's own come with `install`
MOST_BYTES = 2_000_000
MOST_WITH_AGENT = 4_000_000  # where nothing else had imported socket, json and threading

IMPORT = f"""
import os, sys  # every program that is not run with -S has imported them
sys.path.insert(0, {str(DAEMON)!r})
def rss():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096
size = rss()
before = set(sys.modules)
from brimwatch import hooks
new, grown = sorted(set(sys.modules) - before), rss() - size
"""


def run(python: str, code: str) -> "subprocess.CompletedProcess[str]":
    # Without -B: the second of two imports is the one that counts, and finds compiled files.
    return subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60)


def look(python: str, code: str) -> dict[str, object]:
    run(python, IMPORT)
    answer = run(python, IMPORT + code + "\nimport json; print(json.dumps({'new': new, 'grown': grown}))")
    assert answer.stderr == ""
    found: dict[str, object] = json.loads(answer.stdout)
    return found


def test_importing_the_hooks_brings_a_few_small_modules_and_nothing_else(python: str) -> None:
    new = look(python, "")["new"]
    assert isinstance(new, list)
    others = [name for name in new if not name.startswith("brimwatch")]
    assert set(others) <= {"__future__"}
    assert len(new) - len(others) <= MOST_OF_OURS


def test_importing_the_hooks_takes_less_than_two_megabytes(python: str) -> None:
    grown = look(python, "")["grown"]
    assert isinstance(grown, int)
    assert grown < MOST_BYTES


def test_the_agent_needs_nothing_but_the_standard_library(python: str, tmp_path: Path) -> None:
    code = f"assert hooks.install(run_dir={str(tmp_path / 'run')!r}), hooks.status()\nhooks.reclaim('emergency')\n"
    look(python, code)  # under -I -S there is nothing else to import


BLOCKS = """
cache = hooks.PriorityCache({"answers": 100_000}, max_entries=5, ttl=60)
pool = hooks.SessionPool(3)
for number in range(9):
    assert cache.get_or_compute(number, lambda: {"text": "x" * number, "at": [number, 1.5, None]}) and cache.get(number)
    pool.get(number, dict)
assert 0 < cache.size_bytes() < 5000 and (len(cache), len(pool)) == (5, 3)
assert [found["outcome"] for found in hooks.reclaim("emergency", names=["cache", "sessions"])["hooks"]] == ["ran"] * 2
assert (len(cache), len(pool), cache.stats()["evicted"]) == (0, 0, 9)
child = os.fork()
if not child:
    cache.set("a", 1)
    os._exit(0 if cache.get("a") else 3)
assert os.waitpid(child, 0)[1] == 0
"""


def test_caches_and_sessions_need_nothing_but_the_standard_library(python: str) -> None:
    look(python, BLOCKS)


def test_an_agent_at_rest_is_one_thread_one_socket_and_a_few_megabytes(python: str, run_dir: str) -> None:
    code = f"""
def sockets():
    found = 0
    for name in os.listdir('/proc/self/fd'):
        try:
            found += os.readlink('/proc/self/fd/' + name).startswith('socket:')
        except OSError:  # the agent's first look around opens a directory, and closes it
            pass
    return found
held, size = sockets(), rss()
hooks.install(run_dir={run_dir!r})
import threading
print(threading.active_count(), sockets() - held, file=sys.stderr)
grown = rss() - size
hooks.uninstall()
"""
    run(python, IMPORT + code)
    answer = run(python, IMPORT + code + "print(grown)")
    assert answer.stderr == "2 1\n"
    assert int(answer.stdout) < MOST_WITH_AGENT


@pytest.mark.parametrize("path", RUN_BY_TARGETS, ids=lambda path: str(path.relative_to(DAEMON)))
def test_what_runs_in_a_target_is_python_3_9(path: Path) -> None:
    import ast

    ast.parse(path.read_text(), feature_version=(3, 9))


def test_every_folder_of_the_hooks_is_a_package_and_so_gets_installed() -> None:
    folders = {path.parent for path in HOOKS.rglob("*.py")} - {HOOKS / "start"}  # which is a folder for PYTHONPATH
    assert [folder.name for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_what_runs_in_a_target_compiles(python: str, tmp_path: Path) -> None:
    code = (
        "import sys\nfor path in sys.argv[1:]:\n    with open(path, 'rb') as file: compile(file.read(), path, 'exec')"
    )
    command = [python, "-I", "-S", "-W", "error", "-c", code, *map(str, RUN_BY_TARGETS)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stderr) == (0, "")
