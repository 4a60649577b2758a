"""Is what `suggest` prints a configuration that passes check-config, and is too little history refused?"""

from pathlib import Path

import pytest
from tests.cli.recordings import MB, declared, found, looks, recording

from brimwatch.act.kinds import ACTIONS
from brimwatch.cli.main import main
from brimwatch.config.load import load
from brimwatch.config.match_written import match_written
from brimwatch.core import recorded as rows
from brimwatch.model import Limit, Tier


def suggest(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["suggest", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def sawtooth(at: int) -> float:
    return 100 * MB + 50 * MB * (at % 60) / 60


@pytest.mark.parametrize(
    "name",
    ["shop", "a: b # c", "- x", "ünï", "a\nb\x1b", "system.slice/x.service", "12", "{comm}x", "x" * 200, "\udcff"],
)
def test_what_is_proposed_passes_check_config_whatever_a_target_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rows = [found(name, "we[ir]d*"), *looks(sawtooth, 600, name)]
    code, said, _ = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", rows))
    config = load(said, "suggested", ACTIONS)
    (target,) = config.targets
    assert code == 0
    assert [rule.tier for rule in target.policy.tiers] == [Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY]
    assert target.policy.tiers[1].when.thresholds[0].value == 165e6
    assert target.match.name == "we[[]ir]d[*]"
    assert config.notices == ()
    path = tmp_path / "brimwatch.yaml"
    path.write_text(said)
    path.chmod(0o600)
    assert main(["check-config", str(path)]) == 0


def test_two_targets_with_alike_names_get_policies_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*looks(sawtooth, 600, "a/b"), *looks(lambda at: 2 * sawtooth(at), 600, "a-b")]
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", rows))[1]
    config = load(said, "suggested", ACTIONS)
    assert [target.policy.tiers[1].when.thresholds[0].value for target in config.targets] == [165e6, 329e6]


def test_the_reasons_are_in_the_comments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", [found(), *looks(sawtooth, 3600)]))[1]
    assert "# shop: resident set over 59m 59s, 3600 looks" in said
    assert "lowest 100.0 MB, usual low 100.0 MB, usual peak 149.2 MB, highest peak 149.2 MB" in said
    assert "memory limit: 187MB, a quarter above the highest peak" in said
    assert said.count("would have been entered 0 times") == 3
    assert "record a day" in said


def test_a_leak_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*looks(lambda at: sawtooth(at) + 2e4 * at, 3600)]
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", rows), "--format", "text")[1]
    assert "WARNING: the floor rises by 72.0 MB an hour: this looks like a leak" in said


def test_a_limit_that_is_too_tight_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*looks(sawtooth, 600, limit=Limit(160_000_000, "cgroup"))]
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", rows))[1]
    assert "now 160.0 MB; WARNING: the present one leaves less" in said


def test_a_unit_is_matched_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [found(unit="shop.service"), *looks(sawtooth, 600)]
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", rows))[1]
    assert 'match: {unit: "shop.service"}' in said


def test_targets_of_one_program_get_the_match_that_their_configuration_gave_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "api": {"name": "python3", "cmdline": r"api\.py \["},
        "cron": {"cmdline": "cron", "user": "0", "not": {"name": "sh"}, "children": True},
    }
    taken: list[rows.Row] = []
    for name, match in given.items():
        taken += [declared(name)._replace(match=match), found(name, "python3"), *looks(sawtooth, 600, name)]
    config = load(suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", taken))[1], "suggested", ACTIONS)
    assert {target.name: match_written(target.match) for target in config.targets} == given
    assert config.notices == ()


def test_targets_that_nothing_recorded_tells_apart_are_left_to_the_reader(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[rows.Row] = []
    for name in ("api", "cron"):
        taken += [declared(name)._replace(match={"pid": 7}), found(name, "python3"), *looks(sawtooth, 600, name)]
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", taken))[1]
    assert 'match: {name: "api"}  # put your match here: python3 is what cron was called, too' in said
    assert load(said, "suggested", ACTIONS).notices == ()


def test_a_target_of_a_template_is_matched_by_what_named_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken: list[rows.Row] = []
    for name in ("api", "cron"):
        one = declared(name)._replace(spec="{comm}", match={"user": "0"})
        taken += [one, found(name, name), *looks(sawtooth, 600, name)]
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", taken))[1]
    assert 'match: {"user": "0", "name": "api"}' in said


def test_the_lowest_is_the_least_and_the_usual_low_the_middle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = looks(lambda at: 32 * MB if at < 5 else sawtooth(at), 600)
    said = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", taken))[1]
    assert "lowest 32.0 MB, usual low 1" in said


def test_too_little_history_is_refused_with_how_much_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, why = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", looks(sawtooth, 60)))
    assert (code, said) == (1, "")
    assert "shop: too little history: 59.0s and 60 looks seen; at least 2m 0s and 30 looks are needed" in why


def test_of_several_targets_those_with_too_little_history_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*looks(sawtooth, 600), *looks(sawtooth, 6, "young"), declared("host", host=True)]
    code, said, _ = suggest(capsys, "--replay", recording(tmp_path / "run.jsonl", rows))
    assert code == 0
    assert "# young: too little history" in said
    assert "# host: the whole machine is not judged by its resident set" in said
    assert [target.name for target in load(said, "suggested", ACTIONS).targets] == ["shop"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--replay", "/nonexistent"], 1, "wanted a recording"),
        (["--replay", "x", "--duration", "5s"], 2, "wanted a recording or a daemon"),
        (["--url", "http://127.0.0.1:1"], 1, "no daemon answers at http://127.0.0.1:1 ("),
    ],
)
def test_what_cannot_be_had_says_why(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    found = suggest(capsys, *words)
    assert found[0] == code
    assert said in found[2]
