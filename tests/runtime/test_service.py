"""Does the daemon find its files again, wherever it happens to be?"""

import asyncio
from pathlib import Path

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.load import load_file
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
