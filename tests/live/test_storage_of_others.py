"""Do commands that watch leave alone what a daemon keeps? Its folder is the usual one for them as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

HOLD = "import time; held = bytearray(40_000_000); time.sleep(1)"
GUARD = ("guard", "--interval", "50ms", "--critical", "rss=30MB", "--", sys.executable, "-c", HOLD)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(GUARD, "entered critical", id="guard"),
        pytest.param(("record", "--config.file", "f.yaml", "--duration", "1s", "-o", "run.jsonl"), "rows", id="record"),
    ],
)
def test_the_evidence_of_a_daemon_is_neither_added_to_nor_cleared_away(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    folder = tmp_path / "state" / "artefacts"
    folder.mkdir(mode=0o700, parents=True)
    kept = folder / "20200101T000000.000Z-0001-shop-critical.jsonl"
    kept.write_text("{}\n")
    os.utime(kept, (1.6e9, 1.6e9))
    text = f"""
        targets: [{{name: self, match: {{pid: {os.getpid()}}}, policy: one}}]
        policies: {{one: {{tiers: {{critical: {{when: {{rss: 1MB}}}}}}}}}}
    """
    (tmp_path / "f.yaml").write_text(text)
    (tmp_path / "f.yaml").chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "brimwatch", *words],
        cwd=tmp_path, env={**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, said in done.stderr) == (0, True)
    assert list(folder.iterdir()) == [kept]
