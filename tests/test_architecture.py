"""Does the house stand as it was drawn? Layers, sizes, docstrings, and nothing of one machine in the tree."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "daemon" / "brimwatch"
NOT_OURS = {".git", ".venv", ".hypothesis", ".tools", "__pycache__", "build", "dist", "node_modules"}
LONGEST_FILE = 300
LONGEST_FUNCTION = 60
VAGUE_NAMES = {"utils", "helpers", "common", "manager", "base"}

# Written so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
REGISTRIES = re.compile(
    r"pypi\.(?:org|io)|python" + r"hosted\.org|npmjs\.(?:org|com)|proxy\.golang\.org|repo1?\.maven"
    r"|(?:deb|security|archive)\.(?:debian|ubuntu)\.(?:org|com)|(?:extra-)?index"
    + r"-url|trusted"
    + r"-host|find"
    + r"-links",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(r"(?<![\w.}\])>*-])/(?:work|farm|root/\.|tmp/brim/)\b")


def tree() -> Iterator[Path]:
    """Every file that is ours: all but what tools leave behind."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(("_cache", ".egg-info"))]
        yield from (Path(folder, name) for name in files if not name.endswith(".pyc"))


def texts() -> Iterator[tuple[str, int, str]]:
    """Every line of every text file: path, number, line."""
    for path in tree():
        try:
            content = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # an image; a scratch file that is gone again
            continue
        for number, line in enumerate(content.splitlines(), 1):
            yield str(path.relative_to(ROOT)), number, line


def sources(below: Path = ROOT) -> list[Path]:
    return sorted(path for path in tree() if path.suffix == ".py" and path.is_relative_to(below))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    return [f"{path}:{number}: {line.strip()[:100]}" for path, number, line in texts() if pattern.search(line)]


def test_every_module_imports_only_what_lies_below_it() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert result.returncode == 0, result.stdout + result.stderr


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in sources()}

    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    lengths = {
        f"{name(path)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_every_module_says_which_question_it_answers() -> None:
    modules = [path for path in sources(PACKAGE) if path.read_text().strip()]

    assert modules
    assert [name(path) for path in modules if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name(path) for path in sources(PACKAGE) if VAGUE_NAMES & {path.stem, path.parent.name}] == []


def test_nothing_is_left_unfinished() -> None:
    assert lines_that_match(UNFINISHED) == []


def test_no_file_names_a_package_registry() -> None:
    assert lines_that_match(REGISTRIES) == []


def test_no_file_holds_a_path_of_a_developers_machine() -> None:
    assert lines_that_match(ELSEWHERE) == []


@pytest.mark.skipif(len(ROOT.parts) < 3, reason=f"{ROOT} is no path that tells one machine from another")
def test_no_file_holds_the_path_of_this_checkout() -> None:
    assert lines_that_match(re.compile(rf"(?<![\w.*/-]){re.escape(str(ROOT))}\b")) == []
