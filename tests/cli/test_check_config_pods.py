"""Does `check-config` say what it understood of pods, and where it did not?"""

import subprocess
import sys
from pathlib import Path

import pytest

TARGETS = """\
targets:
  - name: checkout
    match: {pod: {namespace: shop, name: 'checkout-*', labels: {app: checkout}, container: app}}
  - name: '{pod}'
    match: {pod: '*', not: {pod: {qos: BestEffort}}}
"""


def check(path: Path, text: str) -> "subprocess.CompletedProcess[str]":
    path.write_text(text)
    path.chmod(0o600)
    return subprocess.run(
        [sys.executable, "-m", "brimwatch", "check-config", str(path)], capture_output=True, text=True
    )


def test_what_was_understood_is_said(tmp_path: Path) -> None:
    done = check(tmp_path / "f.yaml", TARGETS)
    assert done.returncode == 0
    first, second = (line for line in done.stdout.splitlines() if "pod" in line)
    expected = "  checkout: pod (namespace shop and name checkout-* and container app and label app=checkout) (each"
    assert first.startswith(expected)
    assert second.startswith("  {pod}: any pod and not (pod (qos BestEffort)) (each process)")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(("'checkout-*'", "'checkout-.*'"), ":3: targets[0].match.pod.name: found", id="an expression"),
        pytest.param(("BestEffort", "best"), ":5: targets[1].match.not.pod.qos: found", id="a class"),
    ],
)
def test_a_fault_has_its_line(tmp_path: Path, wrong: tuple[str, str], told: str) -> None:
    done = check(tmp_path / "f.yaml", TARGETS.replace(*wrong))
    assert done.returncode == 2
    assert f"{tmp_path}/f.yaml{told}" in done.stderr
