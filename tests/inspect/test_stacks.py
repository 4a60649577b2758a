"""What py-spy says, refuses to say, or says too late; its place is taken by scripts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from brimwatch.inspect import stacks
from brimwatch.inspect.stacks import NoStacks, Stack, dump_stacks
from brimwatch.units import Seconds

FRAME = {"name": "_worker", "filename": "/usr/lib/thread.py", "short_filename": "thread.py", "line": 81}
THREAD = {"thread_id": 9, "thread_name": "pool-1", "os_thread_id": 4243, "active": False, "frames": [FRAME]}
Play = Callable[..., tuple[Stack, ...]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """`play(script)`: what comes of it when that is run in the place of py-spy."""

    def run(script: str, deadline: float = 10.0) -> tuple[Stack, ...]:
        program = tmp_path / "py-spy"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(stacks, "_find", lambda: str(program))
        return dump_stacks(4242, lambda text: text.replace("\x1b", "?"), Seconds(deadline))

    return run


def said(*threads: object) -> str:
    return f"cat <<'END'\n{json.dumps(threads)}\nEND"


def test_every_thread_has_a_name_a_state_and_its_innermost_frame(play: Play) -> None:
    main = {**THREAD, "thread_name": None, "active": True, "frames": []}
    assert play(said(THREAD, main)) == (
        Stack(4243, "pool-1", True, "_worker (thread.py)"), Stack(4243, "thread 9", False, ""),
    )  # fmt: skip


def test_it_is_asked_not_to_pause_the_process_and_for_no_locals(play: Play, tmp_path: Path) -> None:
    play(f"echo $* > {tmp_path}/words; {said()}")
    assert (tmp_path / "words").read_text() == "dump --json --nonblocking --pid 4242\n"


def test_what_a_target_named_itself_is_made_printable_and_cut(play: Play) -> None:
    (stack,) = play(said({**THREAD, "thread_name": "\x1b[31m" + "x" * 500}))
    assert stack.name == "?[31m" + "x" * 115


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param("echo Error: no python >&2; exit 1", "py-spy: Error: no python", id="it refuses"),
        pytest.param("exit 3", "py-spy: exit code 3", id="it refuses without a word"),
        pytest.param("echo hello", "py-spy said what cannot be read", id="no JSON"),
        pytest.param("echo 5", "py-spy said what cannot be read", id="a number"),
        pytest.param("echo '[{}]'", "py-spy said what cannot be read", id="a thread of nothing"),
        pytest.param("head -c 100000 /dev/zero | tr '\\0' '['", "py-spy said what cannot be read", id="a deep one"),
        pytest.param("exec sleep 60", "py-spy gave no answer within 0.1 s", id="it hangs"),
    ],
)
def test_why_there_are_no_stacks(play: Play, script: str, why: str) -> None:
    with pytest.raises(NoStacks, match=why):
        play(script, 0.1 if "sleep" in script else 10.0)
