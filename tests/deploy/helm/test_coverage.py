"""Is every branch of every template rendered by one of the cases? Each is made to fail, once, and must be heard."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.deploy.helm.chart import CASES, CHART, template

# Not of NOTES.txt, which `helm template` does not render.
OPENING = re.compile(r"\{\{-?\s*(?:if|with|range|else)\b(?:\"[^\"]*\"|[^}\"])*?-?\}\}")
RULES = "groups:\n  - name: a\n    rules: []\n"
# The cases, and the cluster that they are rendered for: two kinds of branches ask for that.
CLUSTERS = ("1.36", "1.34", "1.29")
# Branches that refuse: test_render.py has them.
REFUSING = re.compile(r"\s*\{\{-?\s*fail\b")


def branches() -> list[tuple[Path, int]]:
    """Each place behind an `if`, `else`, `with` or `range`: file and offset."""
    found = []
    for path in sorted((CHART / "templates").rglob("*")):
        text = path.read_text() if path.suffix in {".yaml", ".tpl"} else ""
        ends = [match.end() for match in OPENING.finditer(text)]
        found += [(path.relative_to(CHART), end) for end in ends if not REFUSING.match(text, end)]
    return found


def trapped(places: set[tuple[Path, int]], copy: Path) -> None:
    """Write the templates with a trap in each of these branches, which fails under its number."""
    numbers = {place: number for number, place in enumerate(branches())}
    for path in sorted({path for path, _ in numbers}):
        text = (CHART / path).read_text()
        for _, end in sorted((place for place in places if place[0] == path), reverse=True):
            text = f'{text[:end]}{{{{- fail "trap {numbers[path, end]}." }}}}{text[end:]}'
        (copy / path).write_text(text)


def sprung(case: Path, kubernetes: str, left: set[tuple[Path, int]], copy: Path) -> None:
    """Render until nothing fails any more, and take each trap away that did."""
    places = branches()
    while (result := template(values=case, chart=copy, kubernetes=kubernetes)).returncode != 0:
        found = re.search(r"trap (\d+)\.", result.stderr)
        assert found is not None, result.stderr
        left.remove(places[int(found[1])])
        trapped(left, copy)


def test_every_branch_of_every_template_is_rendered_by_a_case(tmp_path: Path) -> None:
    copy = tmp_path / "brimwatch"
    shutil.copytree(CHART, copy)
    for name, text in {"rules/a.yaml": RULES, "dashboards/a.json": "{}"}.items():
        (copy / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / "files" / name).write_text(text)
    left = set(branches())
    assert len(left) > 50

    trapped(left, copy)
    for kubernetes in CLUSTERS:
        for case in CASES:
            sprung(case, kubernetes, left, copy)
    assert [f"{path}: {(CHART / path).read_text()[:end].splitlines()[-1]}" for path, end in sorted(left)] == []
