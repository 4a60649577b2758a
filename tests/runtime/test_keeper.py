"""Is what was changed put back at every end there is, with its record, and never more than once?"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.keeping import OURS, PID, Scene

from brimwatch.act.refused import Refused
from brimwatch.act.undo import LimitChange
from brimwatch.act.undo_store import open_folder
from brimwatch.model import Decision, ProcessId, Reason, Tier, Verdict
from brimwatch.units import Bytes


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[Callable[[Scene], Awaitable[None]]], None]]:
    """`play(story)` runs an async function on a scene with a configured keeper."""

    def run(story: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            scene = Scene(tmp_path)
            scene.keeper.configure(scene.config())
            await story(scene)
            await scene.keeper.close()

        asyncio.run(whole())

    return run


def test_a_change_is_in_force_with_its_record_and_ends_at_its_max(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake(0.2)
        assert (scene.high, len(scene.records), scene.keeper.in_force) == (str(OURS), 1, 1)
        await scene.undone("max")
        assert scene.told("action_undone")[0]["held_seconds"] >= 0.2

    play(story)


def test_it_ends_when_the_tier_that_asked_for_it_is_left_and_not_when_a_higher_one_is_entered(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        scene.tier(Tier.EMERGENCY)
        scene.keeper.changed(scene.subject)
        assert scene.keeper.in_force == 1
        scene.tier(Tier.WARNING)
        scene.keeper.changed(scene.subject)
        await scene.undone("recovered")

    play(story)


@pytest.mark.parametrize(
    ("do", "longest", "stays"),
    [
        pytest.param("brake", "10s", True, id="the same action stays"),
        pytest.param("ask, brake", "10s", True, id="in another place of the ladder it stays"),
        pytest.param("ask", "10s", False, id="an action that no ladder has any more ends"),
        pytest.param("brake", "5s", False, id="an action that was changed ends"),
    ],
)
def test_a_reload_ends_what_the_configuration_asks_for_no_more(play: Any, do: str, longest: str, stays: bool) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        scene.keeper.configure(scene.config(do, longest))
        if stays:
            assert scene.keeper.in_force == 1
        else:
            await scene.undone("reload")

    play(story)


def test_a_reload_into_dry_run_ends_everything(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        scene.keeper.configure(replace(scene.config(), dry_run=True))
        await scene.undone("reload")

    play(story)


def test_it_ends_with_its_subject(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        scene.keeper.lost(scene.subject)
        await scene.undone("gone")

    play(story)


def test_it_ends_with_the_daemon_and_nothing_begins_any_more(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        await scene.keeper.close()
        await scene.undone("stopped")
        with pytest.raises(Refused, match="stopping"):
            await scene.brake()

    play(story)


def test_what_was_recorded_while_the_tier_was_left_ends_at_once(play: Any) -> None:
    async def story(scene: Scene) -> None:
        scene.tier(Tier.CALM)
        with suppress(Refused):  # the undo may be faster than the change, which is called off then
            await scene.brake()
        await scene.undone("recovered")

    play(story)


def test_a_second_one_is_refused_and_does_not_extend_the_first(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake(0.3)
        with pytest.raises(Refused) as refused:
            await scene.brake(10.0)
        assert refused.value.reason is Reason.BUSY
        assert "in force already, for another" in refused.value.detail
        await scene.undone("max")

    play(story)


def test_a_killed_daemons_change_is_undone_by_the_next(play: Any, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        entry = scene.keeper._entries()[0]
        os.close(entry.file.descriptor)  # what the kernel does for a killed process: the lock goes
        successor = scene.make()
        successor.configure(scene.config())
        assert await successor.adopt(str(scene.run)) == 1
        assert [facts["reason"] for facts in scene.told("action_undone")] == ["restart"]
        assert (scene.high, scene.records) == ("max", [])
        scene.keeper._book.clear()

    play(story)


def test_a_living_daemons_change_is_left_to_it(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        assert await scene.make().adopt(str(scene.run)) == 0
        assert (scene.high, len(scene.records), scene.told("action_undone")) == (str(OURS), 1, [])

    play(story)


def test_a_second_daemon_does_not_brake_what_another_one_brakes(play: Any) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        first, scene.keeper = scene.keeper, scene.make()
        scene.keeper.configure(scene.config())
        with pytest.raises(Refused, match="another Brimwatch") as refused:
            await scene.brake(before=OURS)
        assert refused.value.reason is Reason.BUSY
        scene.keeper = first

    play(story)


def test_a_record_that_is_not_believed_is_told_and_changes_nothing(play: Any, tmp_path: Path) -> None:
    folder = open_folder(str(tmp_path / "run"))
    path = Path(folder.path, "0123456789abcdef.json")
    path.write_text('{"version": 1, "action": "\\u001b[2J"}')
    path.chmod(0o600)

    async def story(scene: Scene) -> None:
        await scene.make().adopt(str(scene.run))
        (failed,) = scene.told("undo_failed")
        assert failed["detail"] == f"{path}: target: found None, wanted a text of at most 256 characters"

    play(story)
    assert path.exists()
    folder.close()


def test_an_undo_that_fails_is_told_once_and_tried_again(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(scene: Scene) -> None:
        await scene.brake()
        (scene.app / "memory.high").write_text("nonsense")
        scene.keeper.lost(scene.subject)
        await scene.until(lambda: scene.told("undo_failed"))
        scene.keeper.sweep(time.monotonic() + 60)
        await scene.until(scene.keeper._entries()[0].task.done)  # type: ignore[union-attr]
        assert len(scene.told("undo_failed")) == 1
        assert len(scene.records) == 1
        (scene.app / "memory.high").write_text(str(OURS))
        scene.keeper.sweep(time.monotonic() + 60)
        await scene.undone("gone")

    play(story)


def test_a_member_that_a_group_has_lost_is_let_go(play: Any) -> None:
    async def story(scene: Scene) -> None:
        brakes = scene.keeper.brakes(
            scene.subject, Decision(Tier.CRITICAL, scene.config().actions["brake"], 0, Verdict.RUN, 0.0)
        )
        await asyncio.to_thread(brakes.begin, LimitChange(ProcessId(PID + 1, 1), Bytes(12345), None), None)
        scene.keeper.sweep(time.monotonic())
        await scene.undone("gone")

    play(story)


def test_where_no_record_can_be_kept_nothing_is_changed_and_it_is_said(
    play: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("brimwatch.runtime.undo_folders.places", lambda run_dir: (f"{tmp_path}/file/run",))

    async def story(scene: Scene) -> None:
        assert "nothing that needs one is changed" in scene.told("run_dir_warned")[0]["detail"]
        with pytest.raises(Refused) as refused:
            await scene.brake()
        assert refused.value.reason is Reason.DENIED
        assert scene.high == "max"

    play(story)


def test_another_place_is_taken_where_the_run_directory_is_somebody_elses(
    play: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setattr(
        "brimwatch.runtime.undo_folders.places", lambda run_dir: (f"{tmp_path}/open", f"{tmp_path}/own")
    )

    async def story(scene: Scene) -> None:
        await scene.brake()
        told = scene.told("run_dir_warned")[0]["detail"]
        assert (
            told
            == f"{tmp_path}/open: is open to others (mode 0777); undo records are kept in {tmp_path}/own/undo instead"
        )
        assert len(os.listdir(tmp_path / "own" / "undo")) == 1

    play(story)
