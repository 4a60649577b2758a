"""Does a look at the stacks find what it should, stop nobody, and say plainly what it could not find?"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import field_after_comm, held, request_for, start_catcher

import brimwatch.act.stack_look as stack_look
from brimwatch.act.dump_stacks import Stacks, longest, parse, run
from brimwatch.act.py_spy import find_py_spy, read_fault
from brimwatch.config.nodes import compose
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Seconds

SLEEPER = """
import sys, threading, time
def leak(secret):
    kept = "PLANTED local"
    print("ready", flush=True)
    time.sleep(60)
threading.Thread(target=time.sleep, args=(60,), name="helper", daemon=True).start()
leak("PLANTED argument")
"""


class Kept:
    """Stands for the artefact."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def __call__(self, lines: Sequence[Any]) -> str:
        self.lines += lines
        return "x.jsonl"

    def of(self, record: str) -> list[Any]:
        return [line for line in self.lines if line["record"] == record]


@pytest.fixture
def sleeper(spawn: Any) -> Any:
    child = spawn(
        [sys.executable, "-c", SLEEPER, "--password=PLANTED-word"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "TOKEN": "PLANTED-variable"},
    )  # fmt: skip
    assert child.stdout.readline() == "ready\n"
    return child


def look(options: object, *pids: int, keep: Any = None, **more: Any) -> Attempt:
    with held(*pids) as recipients:
        request = replace(request_for(options, kind="stacks"), recipients=recipients, keep=keep, **more)
        return asyncio.run(run(request))


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ("{stacks: {}}", Stacks()),
        ("{stacks: }", Stacks()),
        ("{stacks: {locals: true}}", Stacks(show_locals=True)),
        ("{stacks: {locals: false, timeout: 2s}}", Stacks(timeout=Seconds(2.0))),
    ],
)
def test_what_is_accepted(written: str, options: Stacks) -> None:
    root = compose(written, "f.yaml")
    traits = parse(root)
    assert root.faults.lines() == ()
    assert traits is not None
    assert (traits.options, traits.tells, traits.cooperative, traits.ends_process) == (options, True, False, False)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("{stacks: {local: true}}", "stacks.local: found an unknown key, wanted one of locals, timeout"),
        ("{stacks: {locals: perhaps}}", "stacks.locals: found 'perhaps', wanted true or false"),
        ("{stacks: {timeout: 1h}}", "stacks.timeout: found '1h', wanted between 100ms and 1m"),
        ("{stacks: all}", "stacks: found 'all', wanted a mapping with one of locals, timeout"),
    ],
)
def test_what_is_refused(written: str, fault: str) -> None:
    root = compose(written, "f.yaml")
    parse(root)
    assert [line.removeprefix("f.yaml:1: ")[: len(fault)] for line in root.faults.lines()] == [fault]


def test_an_attempt_takes_its_timeout_and_the_end_of_a_py_spy_that_hangs() -> None:
    assert longest(Stacks(timeout=Seconds(2.0))) == 6.0


@pytest.mark.live
def test_the_stacks_of_a_python_program_are_kept_innermost_frame_first(sleeper: Any) -> None:
    kept = Kept()
    attempt = look(Stacks(), sleeper.pid, keep=kept)
    assert (attempt.verdict, attempt.reason) == (Verdict.RUN, None)
    assert attempt.detail == "2 Python threads in 1 process, kept for x.jsonl"
    places = [line["at"] for line in kept.of("frame")]
    assert next(place for place in places if place.startswith("leak ")) == "leak (<string>:6)"
    assert {line["tid"] for line in kept.of("python_thread")} == {line["tid"] for line in kept.of("thread")}
    assert {line["state"] for line in kept.of("thread")} <= {"sleeping", "running"}  # a look wakes it
    assert kept.of("memory")[0]["rss_bytes"] > 1_000_000
    assert kept.of("missing") == []


@pytest.mark.live
def test_nothing_of_command_line_environment_and_local_variables_is_kept(sleeper: Any) -> None:
    kept = Kept()
    assert look(Stacks(), sleeper.pid, keep=kept).verdict is Verdict.RUN
    assert "PLANTED" not in repr(kept.lines)


@pytest.mark.live
def test_local_variables_are_kept_where_they_were_asked_for(sleeper: Any) -> None:
    kept = Kept()
    look(Stacks(show_locals=True), sleeper.pid, keep=kept)
    (found,) = [line["locals"] for line in kept.of("frame") if line["at"].startswith("leak ")]
    assert found == {"secret": '"PLANTED argument"', "kept": '"PLANTED local"'}
    assert "PLANTED-word" not in repr(kept.lines)
    assert "PLANTED-variable" not in repr(kept.lines)


@pytest.mark.live
def test_the_target_is_never_stopped(spawn: Any) -> None:
    """Its state is asked again and again while it is looked at: ptrace would show as t, a signal as T."""
    busy = spawn([sys.executable, "-c", "print('ready', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    busy.stdout.readline()
    states: set[str] = set()

    async def both() -> Attempt:
        with held(busy.pid) as recipients:
            request = replace(request_for(Stacks(), kind="stacks"), recipients=recipients, keep=Kept())
            task = asyncio.create_task(run(request))
            while not task.done():
                states.add(field_after_comm(busy.pid, 0))
                await asyncio.sleep(0)
            return task.result()

    assert asyncio.run(both()).verdict is Verdict.RUN
    assert states <= {"R", "S"}


@pytest.mark.live
def test_of_another_language_threads_and_memory_are_kept_and_no_stacks(spawn: Any) -> None:
    kept = Kept()
    sleeping = spawn(["/bin/sleep", "60"])
    attempt = look(Stacks(), sleeping.pid, keep=kept)
    assert (attempt.verdict, attempt.reason) == (Verdict.SUPPRESSED, Reason.UNSUPPORTED)
    assert attempt.detail == (
        f"pid {sleeping.pid}: no Python program, or one that py-spy does not know; "
        "its threads and memory map are kept for x.jsonl"
    )
    assert [line["name"] for line in kept.of("thread")] == ["sleep"]
    assert kept.of("memory")[0]["threads"] == 1


@pytest.mark.live
def test_a_process_that_is_gone_is_said_to_be(spawn: Any) -> None:
    gone = spawn(["/bin/true"])
    with held(gone.pid) as recipients:
        gone.wait(10)
        request = replace(request_for(Stacks(), kind="stacks"), recipients=recipients, keep=Kept())
        attempt = asyncio.run(run(request))
    assert (attempt.verdict, attempt.reason) == (Verdict.SUPPRESSED, Reason.VANISHED)


def test_a_target_without_processes_has_no_stacks() -> None:
    attempt = look(Stacks(), keep=Kept())
    assert (attempt.verdict, attempt.reason) == (Verdict.SUPPRESSED, Reason.VANISHED)


def test_where_nothing_is_stored_nothing_is_looked_at() -> None:
    attempt = look(Stacks())
    assert (attempt.verdict, attempt.reason) == (Verdict.SUPPRESSED, Reason.UNSUPPORTED)
    assert "nothing is stored" in attempt.detail


@pytest.mark.live
def test_a_py_spy_that_hangs_is_ended_in_time(spawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "py-spy"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(stack_look, "find_py_spy", lambda: str(hanging))
    child = start_catcher(spawn)
    attempt = look(Stacks(timeout=Seconds(0.5)), child.pid, keep=Kept())
    assert (attempt.verdict, attempt.reason) == (Verdict.FAILED, Reason.DEADLINE)
    assert attempt.ended - attempt.started < longest(Stacks(timeout=Seconds(0.5)))


@pytest.mark.live
def test_without_py_spy_it_says_what_is_missing(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_look, "find_py_spy", lambda: None)
    kept = Kept()
    attempt = look(Stacks(), start_catcher(spawn).pid, keep=kept)
    assert (attempt.verdict, attempt.reason) == (Verdict.FAILED, Reason.NOT_FOUND)
    assert "py-spy" in attempt.detail
    assert len(kept.of("thread")) == 1


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else: run the tests as root")
def test_a_process_of_somebody_else_is_denied(spawn: Any, tmp_path: Path) -> None:
    """As `nobody` without capabilities, asked about a process of root."""
    child = start_catcher(spawn)
    py_spy = find_py_spy()
    assert py_spy is not None
    shutil.copy(py_spy, tmp_path / "py-spy")
    tmp_path.chmod(0o755)
    for parent in takewhile(lambda parent: parent != Path(tempfile.gettempdir()), tmp_path.parents):
        parent.chmod(0o755)
    asked = subprocess.run(
        [str(tmp_path / "py-spy"), "dump", "--nonblocking", "--json", "--pid", str(child.pid)],
        capture_output=True, user=65534, group=65534, extra_groups=[],
    )  # fmt: skip
    assert read_fault(asked.stderr, asked.returncode)[0] is Reason.DENIED
