"""Does the daemon find its files again, wherever it happens to be?"""

import asyncio
import time
from pathlib import Path

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.load import load, load_file
from brimwatch.record.catalogue import Level
from brimwatch.record.log import Format, Log
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.options import Options
from brimwatch.runtime.service import Service


def test_a_file_that_was_named_from_where_we_were_is_reloaded_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.yaml").write_text("targets: [{name: none, match: {pidfile: /nonexistent}}]")
    (tmp_path / "f.yaml").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    options, log = Options(config_file="f.yaml", listen_address=None), Log(Format.LOGFMT, Level.ERROR)
    config = load_file("f.yaml", ACTIONS)

    async def test() -> None:
        service = Service(options, config, log)
        engine = Engine(config, options, log, asyncio.get_running_loop())
        monkeypatch.chdir("/")  # as for the moment in which a child is started
        assert await service.reload(engine) == (True, "reloaded")
        await engine.close()

    asyncio.run(test())


def test_the_daemon_is_well_while_looks_are_not_late_however_long_the_interval(tmp_path: Path) -> None:
    options, log = Options(listen_address=None), Log(Format.LOGFMT, Level.ERROR)
    config = load("{global: {interval: 1h}, targets: [{name: none, match: {pidfile: /nonexistent}}]}", "f", ACTIONS)

    async def test() -> None:
        service = Service(options, config, log)
        engine = Engine(config, options, log, asyncio.get_running_loop())
        assert engine.watch.overdue(time.monotonic()) == float("inf")  # nothing was looked at yet
        assert service.health(engine)[0] is False
        engine.watch.start()
        now = time.monotonic()
        assert service.health(engine) == (True, "ok")
        assert engine.watch.overdue(now + 3500) == 0.0
        assert 15 < engine.watch.overdue(now + 3620) < 21  # as if its timer had been lost
        await engine.close()

    asyncio.run(test())


def test_a_loop_that_does_not_look_when_it_should_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    options, log = Options(listen_address=None), Log(Format.LOGFMT, Level.ERROR)
    config = load("targets: [{name: none, match: {pidfile: /nonexistent}}]", "f", ACTIONS)

    async def test() -> None:
        service = Service(options, config, log)
        engine = Engine(config, options, log, asyncio.get_running_loop())
        engine.watch.start()
        engine.watch.stop()  # its timer is gone
        present = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: present + 60)
        assert service.health(engine) == (False, "no look for 60s")
        await engine.close()

    asyncio.run(test())
