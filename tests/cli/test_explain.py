"""Does `explain` say every decision with its reason, what came closest, and what is wrong with a recording?"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.recordings import KEY, WALL, declared, looks, recording
from tests.core.climbing import policy

from brimwatch.act.kinds import ACTIONS
from brimwatch.cli.main import main
from brimwatch.config.load import load
from brimwatch.core import recorded as rows
from brimwatch.core.decide import Ladder
from brimwatch.core.evaluate import evaluate
from brimwatch.model import Reading, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

CONFIG = """
targets: [{name: shop, match: {name: shop}, policy: own}]
policies:
  own:
    tiers:
      warning: {when: {rss: 1kB}}
      critical: {when: {rss: 85%}}
"""


@pytest.fixture
def run(tmp_path: Path) -> str:
    values = [50.0, 120.0, 250.0, 250.0, 30.0]
    return recording(tmp_path / "run.jsonl", [declared(), *looks(lambda at: values[at], 5)])


def explain(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["explain", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_each_decision_is_a_line_and_the_end_a_summary(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = explain(capsys, "--replay", run)
    assert code == 0
    assert "shop entered warning: rss 120 B >= 100 B" in said
    assert "trim (rung 1 of 1, warning) was given up: superseded - a higher tier took over" in said
    assert "shop: entered warning 1x, critical 1x" in said
    assert "shop: emergency was never entered: closest rss 250 B of 400 B" in said


def test_a_recording_needs_no_flag(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, run) == explain(capsys, "--replay", run)


def test_what_starts_is_told_with_all(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is started" not in explain(capsys, "--replay", run)[1]
    assert "shop: usr1 (critical) is started" in explain(capsys, "--replay", run, "--all")[1]


def test_json_is_one_object_a_line(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in explain(capsys, "--replay", run, "--format", "json")[1].splitlines()]
    assert [line["event"] for line in lines[:-1]][:2] == ["tier_entered", "tier_entered"]
    closest = lines[-1]["summary"]["shop"]["closest"]["emergency"]
    assert closest == {"signal": "rss", "value_bytes": 250, "threshold_bytes": 400}


def test_only_one_tier_or_target_is_shown_where_that_is_asked_for(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = explain(capsys, "--replay", run, "--tier", "emergency")[1]
    assert "entered warning:" not in said
    assert "shop: emergency was not entered" in said
    assert "entered warning" not in said
    assert "trim" not in said
    assert "shop: ran" not in said
    code, _, why = explain(capsys, "--replay", run, "--target", "other")
    assert (code, "found other; the recording knows shop" in why) == (2, True)


def test_who_was_in_a_tier_from_the_start_is_said_to_have_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = policy()
    judgement, _ = evaluate(one, None, Sample(0.0, {Quantity.RSS: Reading(120.0, 0.0)}), Seconds(1.0))
    stood = rows.Stood("shop", KEY, None, judgement, Ladder(), False, None, WALL)
    taken = [declared("shop", one), stood, *looks(lambda _: 120.0, 5), rows.Lost(3), stood, *looks(lambda _: 120.0, 2)]
    run = recording(tmp_path / "run.jsonl", taken)
    assert judgement.tier is Tier.WARNING
    said = explain(capsys, "--replay", run)[1]
    assert "shop: in warning from the start" in said
    assert "no tier was entered" not in said
    assert "warning was never entered" not in said
    last = json.loads(explain(capsys, "--replay", run, "--format", "json")[1].splitlines()[-1])
    assert last["summary"]["shop"]["from_start"] == {"warning": 1}


@pytest.fixture
def config(tmp_path: Path) -> Any:
    def write(text: str = CONFIG) -> str:
        path = tmp_path / "brimwatch.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    return write


def test_another_configuration_is_judged_and_what_is_assumed_is_said(
    run: str, config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = explain(capsys, "--config.file", config(), "--replay", run)
    assert code == 0
    assert "# shop: judged by policy own, not as recorded; a rung that did not run then is assumed" in said
    assert "shop: no tier was entered" in said
    assert "shop: critical was never entered: closest rss 0.0 % of 85.0 %" in said


def test_that_another_configuration_decides_otherwise_is_to_be_expected(
    tmp_path: Path, config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    told = rows.Told("tier_entered", "shop", None, 1.0, {"before": "calm", "after": "critical"})
    run = recording(tmp_path / "run.jsonl", [declared(), *looks(lambda _: 5e3, 1), told])
    said = explain(capsys, "--config.file", config(), "--replay", run)[1]
    assert "otherwise" not in said
    assert "the daemon, under its own configuration, told 0 of these decisions as well" in said


def test_a_target_that_the_configuration_does_not_know_is_said(
    run: str, config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    said = explain(capsys, "--config.file", config(CONFIG.replace("name: shop, ", "name: other, ")), "--replay", run)[1]
    assert "# shop: not in this configuration; not judged" in said


def test_a_dry_run_that_the_file_does_not_ask_for_holds_where_it_is_the_very_file(
    tmp_path: Path, config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load(Path(config()).read_bytes(), "test", ACTIONS)
    one = loaded.targets[0].policy
    run = recording(tmp_path / "run", [declared("shop", one), *looks(lambda _: 5e3, 3)], loaded.digest, 0.5, True)
    same = explain(capsys, "--config.file", config(), "--replay", run)[1]
    free = explain(capsys, "--config.file", config(), "--replay", run, "--assume", "none")[1]
    assert "not as recorded" not in same
    assert "# not as recorded: dry run is off, the interval is 1s instead of 0.5s" in free


def test_rows_that_are_missing_and_a_torn_end_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.jsonl"
    recording(path, [declared(), *looks(lambda _: 5.0, 2), rows.Lost(17), *looks(lambda _: 5.0, 2)])
    path.write_bytes(path.read_bytes()[:-20])
    code, said, _ = explain(capsys, "--replay", str(path))
    assert code == 0
    assert "# 17 rows are missing here" in said
    assert "is cut off in the middle" in said


def test_a_replay_that_differs_from_what_the_daemon_told_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = rows.Told("tier_entered", "shop", None, 1.0, {"before": "calm", "after": "critical"})
    run = recording(tmp_path / "run.jsonl", [declared(), *looks(lambda _: 150.0, 1), told])
    said = explain(capsys, "--replay", run)[1]
    assert "the daemon told otherwise 1 times" in said
    assert "the daemon: shop tier_entered before=calm after=critical; the replay: shop tier_entered" in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--replay", "/nonexistent"], 1, "No such file"),
        (["--replay", "{bad}"], 2, "found a binary file; wanted a recording"),
        (["{bad}"], 2, "found a binary file; wanted a recording"),
        (["{run}", "--replay", "{run}"], 2, "found together with --replay, wanted one of them"),
        (["--config.file", "/nonexistent", "--replay", "{run}"], 2, "cannot be opened"),
        (["--config.file", "{bad}", "--replay", "{run}"], 2, "brimwatch.yaml"),
        (["--config.file", "{bad}"], 2, "wanted --replay SAMPLES with it"),
        (["--replay", "{run}", "--url", "http://127.0.0.1:1"], 2, "wanted one of them"),
        (["--url", "ftp://127.0.0.1:1"], 2, "wanted an address such as"),
        (["--url", "http://127.0.0.1:1"], 1, "no daemon answers at http://127.0.0.1:1 ("),
        (["--url", "http://127.0.0.1:1", "--token-file", "/nonexistent"], 2, "wanted a readable file"),
    ],
)
def test_what_cannot_be_explained_says_why(
    run: str, config: Any, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    given = [word.format(bad=config("targets: [\x00"), run=run) for word in words]
    found = explain(capsys, *given)
    assert found[0] == code
    assert said in found[2]
    assert "Traceback" not in found[2]


def test_hostile_names_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[31m\nb\udcff"
    run = recording(tmp_path / "run.jsonl", [declared(name), *looks(lambda _: 150.0, 2, name)])
    for words in ([], ["--format", "json"], ["--all"]):
        said = explain(capsys, "--replay", run, *words)[1]
        assert "\x1b" not in said
        assert "\udcff" not in said
