"""`single_instance`: does exactly one process hold a name, whatever happens to it, and does the next one get it?"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.speaking import Target

from brimwatch import hooks
from brimwatch.hooks import instance as module
from brimwatch.hooks.instance import Instance

TAKE = "one = hooks.single_instance('shop', raises=False); print(bool(one), one.pid, one.where, flush=True)"


@pytest.fixture(autouse=True)
def run_dir_here(run_dir: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BRIMWATCH_RUN_DIR", run_dir)
    yield
    for held in list(module._ours.held.values()):
        held.release()


def take(target: Target) -> tuple[bool, int | None]:
    held, pid, _ = target.run(TAKE).split(" ", 2)
    return held == "True", None if pid == "None" else int(pid)


@pytest.fixture
def two(start: Callable[..., Target]) -> tuple[Target, Target]:
    first, second = start(install=""), start(install="")
    assert take(first) == (True, first.pid)
    return first, second


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        pytest.param({"name": ""}, "found the name ''", id="no name"),
        pytest.param({"name": "a/b"}, "found the name 'a/b'", id="a name that leads elsewhere"),
        pytest.param({"name": ".."}, "found the name '..'", id="the folder above"),
        pytest.param({"name": "n" * 51}, "wanted 1 to 50", id="a name that is too long for a hook's"),
        pytest.param({"name": b"shop"}, "found the name b'shop'", id="bytes"),
        pytest.param({"name": "shop", "path": "shop.lock"}, "wanted an absolute one", id="a path from wherever we are"),
        pytest.param({"name": "shop", "path": "/tmp/a\0b"}, "wanted an absolute one", id="a path with a zero"),
    ],
)
def test_what_cannot_be_is_refused(arguments: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        hooks.single_instance(**arguments)


def test_the_same_process_has_one_however_often_it_asks(run_dir: str) -> None:
    found: list[Instance] = []
    askers = [threading.Thread(target=lambda: found.append(hooks.single_instance("shop"))) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    assert len(found) == 8
    assert {id(one) for one in found} == {id(hooks.single_instance("shop"))}
    assert (found[0].held, found[0].pid, found[0].where) == (True, os.getpid(), f"{run_dir}/shop.instance")
    assert hooks.status()["caches"]["instance:shop"]["info"] == {"held": 1.0}


def test_let_go_it_can_be_taken_again() -> None:
    with hooks.single_instance("shop") as first:
        assert first
    assert not first
    again = hooks.single_instance("shop")
    first.release()  # of an earlier one: nothing to let go of
    assert (bool(again), again is first) == (True, False)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=80))
def test_what_a_stale_file_says_does_not_matter(tmp_path_factory: Any, text: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "stale.instance"
    path.write_bytes(text)
    with hooks.single_instance("stale", str(path)) as held:
        assert (held.held, held.pid) == (True, os.getpid())
        path.write_bytes(text)  # a holder whose file was scribbled over: who is refused does not know whom it met
        assert module._holder(str(path)) in (None, *([os.getpid()] if str(os.getpid()).encode() in text else []))


def test_a_link_a_pipe_and_a_folder_are_no_files_to_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "missing/file"):
        with pytest.raises(OSError, match=name):
            hooks.single_instance("shop", str(tmp_path / name))
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_is_replaced_after_it_was_opened_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock, replaced = tmp_path / "f", module.fcntl.flock, []

    def flock(descriptor: int, how: int) -> None:
        lock(descriptor, how)
        if len(replaced) < 2:
            replaced.append(path.unlink())

    monkeypatch.setattr(module.fcntl, "flock", flock)
    with hooks.single_instance("shop", str(path)) as held:
        assert (held.held, len(replaced), path.read_text().split()[0]) == (True, 2, str(os.getpid()))


def test_processes_that_see_different_run_directories_still_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login, cron = [str(tmp_path / "xdg"), str(tmp_path / "tmp")], [str(tmp_path / "tmp")]
    monkeypatch.setattr(module, "run_dirs", lambda _uid: login)
    first = module._take("shop", None)
    monkeypatch.setattr(module, "run_dirs", lambda _uid: cron)
    assert module._take("shop", None).held is False
    first.release()
    second = module._take("shop", None)
    monkeypatch.setattr(module, "run_dirs", lambda _uid: login)
    assert (second.held, module._take("shop", None).held) == (True, False)
    second.release()
    assert module._take("shop", None).held  # and nothing was kept of the one that was refused half-way


def test_a_descriptor_that_is_not_ours_any_more_is_not_closed(tmp_path: Path) -> None:
    held = hooks.single_instance("shop")
    (number,) = held._descriptors
    other = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
    os.dup2(other, number)  # what a program that becomes a daemon does to descriptors it has not counted on
    assert (held.held, held.info()) == (False, {"held": 0})
    held.release()
    os.fstat(number)
    os.close(number)
    os.close(other)


@pytest.mark.live
def test_a_second_process_is_told_the_pid_of_the_first_and_gets_the_name_after_its_crash(
    two: tuple[Target, Target], wait_until: Any
) -> None:
    first, second = two
    assert take(second) == (False, first.pid)
    code = "\ntry: hooks.single_instance('shop')\nexcept hooks.AlreadyRunning as fault: print(fault, flush=True)"
    said = second.run(f"exec({code!r})")
    assert said == f"shop runs already: PID {first.pid} holds {first.run_dir}/shop.instance"
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait(20)
    assert wait_until(lambda: take(second)[0])
    assert take(second) == (True, second.pid)


@pytest.mark.live
def test_a_forked_child_holds_nothing_and_its_life_does_not_keep_the_name(two: tuple[Target, Target]) -> None:
    first, second = two
    fork = "r, w = os.pipe(); c = os.fork(); c or (os.write(w, str(one.held).encode()), time.sleep(60), os._exit(0))"
    assert first.run(fork + "; print(os.read(r, 9).decode(), c, flush=True)").split()[0] == "False"
    assert take(second) == (False, first.pid)  # the child closed its copy, which unlocks nothing
    child = int(first.run("print(c, flush=True)"))
    try:
        first.end()
        assert take(second) == (True, second.pid)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.live
def test_of_many_that_start_at_once_one_wins(start: Callable[..., Target]) -> None:
    targets = [start(install="") for _ in range(4)]
    for target in targets:
        target.send(TAKE)
    won = [target for target in targets if target.line().startswith("True")]
    assert len(won) == 1
    assert [take(target) for target in targets] == [(target is won[0], won[0].pid) for target in targets]


@pytest.mark.live
def test_where_no_file_can_be_written_an_abstract_address_does_it(start: Callable[..., Target]) -> None:
    nowhere = {"environment": {"BRIMWATCH_RUN_DIR": "/proc/nowhere"}, "install": ""}
    first, second = start(**nowhere), start(**nowhere)
    where = f"@brimwatch-{os.geteuid()}-instance-shop"
    assert first.run(TAKE) == f"True {first.pid} {where}"
    assert [second.run(TAKE) for _ in "12"] == [f"False {first.pid} {where}"] * 2
    first.end()
    assert take(second) == (True, second.pid)


@pytest.mark.live
def test_a_fork_while_another_thread_takes_names_leaves_none_of_them_in_the_child(
    program: Callable[..., Any], run_dir: str
) -> None:
    # The first name is taken before: a fork that has already begun then waits for nobody.
    code = """
hooks.single_instance('first').release()
def take():
    for number in range(100):
        hooks.single_instance(f'shop-{number}').release()
taker = threading.Thread(target=take)
taker.start()
kept, children = [], 0
while taker.is_alive() or not children:
    reader, writer = os.pipe()
    if os.fork() == 0:
        links = [os.path.realpath(f'/proc/self/fd/{number}') for number in os.listdir('/proc/self/fd')]
        os.write(writer, json.dumps([link for link in links if '.instance' in link]).encode()); os._exit(0)
    os.wait(); os.close(writer)
    kept += json.loads(os.read(reader, 9999)); os.close(reader)
    children += 1
say([children > 0, kept])
"""
    assert program(code) == [True, []]
