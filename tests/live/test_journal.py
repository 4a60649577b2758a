"""Does a journal that fails never stop the daemon? Full disks, locks, folders that go, and a run that keeps none."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import fill
from tests.live.daemon_run import Daemon, grower, start_daemon
from tests.live.sinks import sink

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms}}
targets:
  - {{name: cache, match: {{pid: {pid}}}, policy: tells}}
policies:
  tells: {{tiers: {{critical: {{when: {{rss: 60MB}}, tell: [pager]}}}}}}
actions:
  pager: {{webhook: {{url: '{url}', tells: true}}}}
"""


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Callable[..., Daemon]:
    """`start(config, *arguments)` is a running daemon."""

    def run(config: str, *arguments: str, name: str = "one") -> Daemon:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return start_daemon(spawn, wait_until, free_port(), folder, config, arguments)

    return run


def test_with_a_full_disk_the_watching_and_the_telling_go_on(
    spawn: Any, start: Any, wait_until: Any, small_disk: Path
) -> None:
    target = grower(spawn)
    fill(small_disk / "hog")
    with sink() as pager:
        daemon = start(CONFIG.format(pid=target.pid, url=pager.url), "--storage.path", str(small_disk))
        assert daemon.events("journal_failed"), daemon.log()
        target.say("hold 80")
        wait_until(lambda: pager.of("tier_entered"), 10)
        (small_disk / "hog").unlink()
        recovered = wait_until(lambda: daemon.events("journal_recovered"), 20)
        assert recovered[0]["facts"]["failed_seconds"] > 0
        daemon.process.terminate()
        assert daemon.process.wait(10) == 0
        daemon = start(CONFIG.format(pid=target.pid, url=pager.url), "--storage.path", str(small_disk), name="two")
        assert daemon.events("state_restored") or wait_until(lambda: daemon.events("state_restored"), 5)
        assert len(daemon.events("tier_entered")) == 1, "what was only in memory was written when there was room"
        assert len(pager.of("tier_entered")) == 1


def test_the_second_daemon_on_a_folder_says_so_and_watches_all_the_same(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    with sink() as pager:
        config, storage = CONFIG.format(pid=target.pid, url=pager.url), str(tmp_path / "storage")
        first = start(config, "--storage.path", storage)
        second = start(config, "--storage.path", storage, name="two")
        (failed,) = second.events("journal_failed")
        assert f"another Brimwatch (pid {first.process.pid})" in failed["facts"]["detail"]
        assert not first.events("journal_failed")
        target.say("hold 80")
        wait_until(lambda: second.events("tier_entered"), 10)
        wait_until(lambda: len(pager.of("tier_entered")) == 2, 10)


def test_a_damaged_journal_is_set_aside_and_a_folder_that_goes_is_made_anew(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    storage.mkdir(mode=0o700)
    (storage / "journal.sqlite3").write_text("not what anybody expects here\n" * 100)
    target = grower(spawn)
    daemon = start(CONFIG.format(pid=target.pid, url="http://127.0.0.1:9/"), "--storage.path", str(storage))
    (aside,) = daemon.events("journal_set_aside")
    assert "journal.sqlite3.broken-" in aside["facts"]["detail"]
    shutil.rmtree(storage)
    target.say("hold 80")
    wait_until(lambda: daemon.events("journal_failed"), 10)
    wait_until(lambda: daemon.events("journal_recovered"), 20)
    assert daemon.process.poll() is None


def test_one_look_and_a_bad_configuration_leave_no_trace_in_the_storage(spawn: Any, tmp_path: Path) -> None:
    target = grower(spawn)
    storage = tmp_path / "storage"
    environ = {**os.environ, "STATE_DIRECTORY": str(storage)}
    words = [sys.executable, "-m", "brimwatch", "run", "--web.listen-address", ""]
    once = subprocess.run([*words, "--once", "--pid", str(target.pid)], env=environ, capture_output=True, timeout=60)
    bad = subprocess.run([*words, "--config.file", "/nowhere.yaml"], env=environ, capture_output=True, timeout=60)
    assert (once.returncode, bad.returncode) == (0, 2)
    assert b"brimwatch_target_up" in once.stdout
    assert not storage.exists()


def test_a_daemon_that_listens_nowhere_names_no_address(spawn: Any, wait_until: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = [sys.executable, "-m", "brimwatch", "run", "--web.listen-address", "", "--pid", str(os.getpid())]
    with log.open("wb") as file:
        spawn([*words, "--storage.path", str(tmp_path / "state")], stderr=file)
    wait_until(lambda: "event=daemon_started" in log.read_text(), 20)
    (line,) = [line for line in log.read_text().splitlines() if "event=daemon_started" in line]

    assert "address=" not in line
    assert "nowhere" not in line
