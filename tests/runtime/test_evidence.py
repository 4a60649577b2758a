"""Is evidence kept of the right events, under a name that they carry, and is a kill opened once?"""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brimwatch.config.settings import Match, TargetSpec
from brimwatch.discover.roster import Member
from brimwatch.model import (
    Action,
    Change,
    Condition,
    Limit,
    Policy,
    ProcessId,
    Reading,
    Sample,
    Threshold,
    Tier,
    TierRule,
)
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Level
from brimwatch.record.events import Event, EventLog
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.record.redact import redact
from brimwatch.runtime.evidence import Evidence
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import GROUP, Subject, Target, Watched
from brimwatch.units import Bytes, Seconds

MB = 1_000_000
STACKS = Action("stacks", "stacks", None, tells=True)


def policy(tell: tuple[Action, ...] = ()) -> Policy:
    when = Condition((Threshold(Quantity.RSS, 1.0),))
    return Policy("p", tuple(TierRule(tier, when, tell=tell) for tier in (Tier.WARNING, Tier.CRITICAL)))


class Scene:
    """A target with one subject, and all that is told of it."""

    def __init__(self, folder: Path | None, rules: Policy | None = None) -> None:
        self.events = EventLog()
        self.told: list[Event] = []
        self.events.subscribe(lambda recorded: self.told.append(recorded.event))
        self.story = Story(Metrics(), self.events, Log(Format.JSON, Level.ERROR, os.open(os.devnull, os.O_WRONLY)))
        loop = asyncio.get_running_loop()
        storage = None if folder is None else str(folder)
        self.evidence = Evidence(self.story, redact, storage, Seconds(3600.0), loop)
        self.target = Target("shop", TargetSpec("shop", Match(), rules or policy()), False)
        self.subject = self.add(GROUP)

    def add(self, key: ProcessId, pid: int = 7, pidfd: int = -1) -> Subject:
        subject = Subject(self.target, key, None, 0.0)
        member = Member(ProcessId(pid, 1), "app", "/app", "app --password=PLANTED", 0, 1, None, None, None, True, False)
        nobody: Any = None  # evidence asks no sampler
        subject.watched[member.identity] = Watched(member, pidfd, nobody)
        self.target.subjects[key] = subject
        for second in range(10):
            at = 90.0 + second
            readings = {Quantity.RSS: Reading(second * 50.0 * MB, at)}
            subject.sample = Sample(at, readings, Limit(Bytes(500 * MB), "cgroup"), Bytes((500 - second * 50) * MB))
            subject.history.add(subject.sample)
        return subject

    def enter(self, tier: Tier) -> None:
        self.evidence.entered(self.subject, tier)
        assert self.subject.sample is not None
        self.story.changed(self.subject, Change(Tier.CALM, tier, 99.0), self.subject.sample)

    def names(self) -> list[str]:
        return [event.name.value for event in self.told]


def told(work: Callable[[Scene], None], folder: Path | None, rules: Policy | None = None) -> Scene:
    async def run() -> Scene:
        scene = Scene(folder, rules)
        work(scene)
        scene.evidence.close()
        await asyncio.sleep(0)
        return scene

    return asyncio.run(run())


def artefacts(folder: Path) -> list[list[dict[str, Any]]]:
    below = folder / "artefacts"
    paths = sorted(below.iterdir()) if below.exists() else []
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]


@pytest.mark.parametrize(
    ("tier", "tell", "kept"),
    [
        pytest.param(Tier.WARNING, (), False, id="a warning leaves nothing"),
        pytest.param(Tier.WARNING, (STACKS,), True, id="a warning that writes stacks leaves an artefact"),
        pytest.param(Tier.CRITICAL, (), True, id="critical leaves an artefact"),
    ],
)
def test_which_entries_leave_an_artefact(tmp_path: Path, tier: Tier, tell: tuple[Action, ...], kept: bool) -> None:
    scene = told(lambda scene: scene.enter(tier), tmp_path, policy(tell))
    assert ("artefact" in scene.told[0].facts) is kept
    assert len(artefacts(tmp_path)) == kept
    if kept:
        path = Path(str(scene.told[0].facts["artefact"]))
        assert path.exists()
        assert path.name.endswith(f"-shop-{tier.label}.jsonl")


def test_an_artefact_tells_the_event_the_processes_and_the_samples_and_no_secret(tmp_path: Path) -> None:
    told(lambda scene: scene.enter(Tier.CRITICAL), tmp_path)
    (lines,) = artefacts(tmp_path)
    assert [line["record"] for line in lines[:3]] == ["artefact", "event", "process"]
    assert lines[1]["told"].startswith("shop entered critical")
    assert lines[2]["command"] == "app --password=***"


def test_a_kill_is_told_and_opened_and_both_name_the_artefact(tmp_path: Path) -> None:
    def work(scene: Scene) -> None:
        scene.enter(Tier.WARNING)
        scene.evidence.killed(scene.subject, "cgroup", 100.0, 1, ProcessId(7, 1))

    scene = told(work, tmp_path)
    assert scene.names() == ["tier_entered", "oom_killed", "autopsy"]
    kill, opened = scene.told[1].facts, scene.told[2].facts
    assert (kill["pid"], kill["artefact"]) == (7, opened["artefact"])
    assert (opened["peak_bytes"], opened["limit_bytes"]) == (450 * MB, 500 * MB)
    assert str(opened["tiers"]).startswith("warning ")
    assert "survived" not in opened
    (lines,) = artefacts(tmp_path)
    assert [line["event"] for line in lines if line["record"] == "event"] == scene.names()
    assert [line["seconds"] for line in lines if line["record"] == "sample"] == [float(one) for one in range(-10, 0)]


def test_without_storage_a_kill_is_opened_all_the_same_and_nothing_is_written() -> None:
    def work(scene: Scene) -> None:
        scene.enter(Tier.CRITICAL)
        scene.evidence.killed(scene.subject, "inferred", 100.0, 1, ProcessId(7, 1))

    scene = told(work, None)
    assert scene.names() == ["tier_entered", "oom_killed", "autopsy"]
    assert [event for event in scene.told if "artefact" in event.facts] == []
    assert told(lambda scene: None, None).evidence.keeper(scene.subject) is None


def test_a_kill_beside_a_living_subject_is_opened_once_a_minute(tmp_path: Path) -> None:
    def work(scene: Scene) -> None:
        for now in (100.0, 130.0, 161.0):
            scene.evidence.killed_nearby(scene.subject, now, 1)

    scene = told(work, tmp_path)
    assert scene.names() == ["oom_killed", "autopsy", "oom_killed", "oom_killed", "autopsy"]
    assert [event.facts.get("survived") for event in scene.told if event.name == "autopsy"] == [True, True]


def test_a_subject_whose_exit_has_begun_did_not_survive_the_kill(tmp_path: Path) -> None:
    def work(scene: Scene) -> None:
        scene.evidence.killed_nearby(scene.subject, 100.0, 1, ProcessId(7, 1))

    scene = told(work, tmp_path)
    assert scene.subject.killed
    assert scene.told[0].facts["pid"] == 7
    assert "survived" not in scene.told[1].facts


@pytest.mark.live
def test_a_kill_that_a_sibling_sees_first_is_that_of_the_member_that_has_just_ended(
    spawn: Callable[..., "subprocess.Popen[Any]"], tmp_path: Path
) -> None:
    ended = spawn(["sleep", "60"])
    pidfd = os.pidfd_open(ended.pid)
    ended.kill()
    ended.wait()

    def work(scene: Scene) -> None:
        other = scene.add(ProcessId(ended.pid, 1), ended.pid, pidfd)
        scene.evidence.killed_nearby(scene.subject, 100.0, 1)
        assert (other.killed, scene.subject.killed) == (True, False)

    try:
        scene = told(work, tmp_path)
    finally:
        os.close(pidfd)
    assert scene.told[0].facts["pid"] == ended.pid
    assert "survived" not in scene.told[1].facts


def test_what_a_rung_finds_goes_into_the_artefact_of_the_entry_and_its_secrets_do_not(tmp_path: Path) -> None:
    names: list[str] = []

    def work(scene: Scene) -> None:
        scene.enter(Tier.CRITICAL)
        keep = scene.evidence.keeper(scene.subject)
        assert keep is not None
        names.append(keep([{"record": "frame", "at": "f (a.py:1)", "locals": {"password": "'PLANTED'", "count": "3"}}]))

    scene = told(work, tmp_path)
    (lines,) = artefacts(tmp_path)
    assert str(scene.told[0].facts["artefact"]).endswith(names[0])
    assert lines[-1]["locals"] == {"password": "***", "count": "3"}


def test_every_entry_whose_artefact_could_not_be_written_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "artefacts").write_text("a file in its place")

    def work(scene: Scene) -> None:
        for _ in range(3):
            scene.enter(Tier.CRITICAL)
            keep = scene.evidence.keeper(scene.subject)
            assert keep is not None
            keep([{"record": "frame", "at": "f (a.py:1)"}])  # fails as well, and is the same file

    scene = told(work, tmp_path)
    entered = [event.facts["artefact"] for event in scene.told if event.name == "tier_entered"]
    failed = [event.facts for event in scene.told if event.name == "artefact_failed"]
    paths = [facts["artefact"] for facts in failed if facts["artefact"] != str(tmp_path / "artefacts")]
    assert len(set(entered)) == 3
    assert paths == entered
    assert {facts["detail"] for facts in failed} == {"Not a directory"}
