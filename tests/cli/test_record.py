"""Does `record` say at once that nothing will come of it, and claim no file that is not there?"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from brimwatch.cli.main import main

CONFIG = (
    "targets: [{name: api, match: {name: api}, policy: observe}, {name: cron, match: {name: cron}, policy: observe}]"
)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A recording that has ended ignores what would end it; the process that runs the tests goes on."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_target_that_the_configuration_does_not_know_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, output = tmp_path / "brimwatch.yaml", tmp_path / "run.jsonl"
    file.write_text(CONFIG)
    file.chmod(0o600)
    words = ["record", "-o", str(output), "--config.file", str(file), "--target", "apj", "--duration", "1s"]
    assert main(words) == 2
    assert "--target: found apj; the configuration knows api, cron" in capsys.readouterr().err
    assert not output.exists()


def test_a_record_that_failed_claims_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "run.jsonl"
    assert main(["record", "-o", str(output), "--url", "http://127.0.0.1:1", "--duration", "1s"]) == 1
    said = capsys.readouterr().err
    assert "no daemon answers at" in said
    assert "recorded in" not in said
    assert not output.exists()
