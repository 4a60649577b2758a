"""How does the daemon live? It opens its doors, answers signals, reloads, says that it is well, and ends in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from brimwatch import __version__
from brimwatch.config.settings import Config
from brimwatch.errors import BrimwatchError, ConfigError
from brimwatch.record.catalogue import Name
from brimwatch.record.log import Log
from brimwatch.runtime.doors import Doors
from brimwatch.runtime.engine import Engine, load_config
from brimwatch.runtime.notify import Notifier
from brimwatch.runtime.options import Options
from brimwatch.runtime.ourselves import raise_descriptor_limit
from brimwatch.runtime.reload import ConfigFile, in_thread
from brimwatch.runtime.storage import find_storage, open_storage

STALLED = 10.0  # seconds that a look may be late before the daemon calls itself unhealthy
CHECK_FILE = 2.0  # seconds between two checks of the configuration file


class Service:
    """One run of the daemon, from the checked configuration to the last descriptor closed.

    `hosted`: on a thread of another command, to which signals and systemd's attention belong.
    """

    def __init__(self, options: Options, config: Config, log: Log, hosted: bool = False) -> None:
        self._options = options.anchored()
        self._config = config
        self._log = log
        self._hosted = hosted
        self._notifier = Notifier({} if hosted else None)
        path = self._options.config_file
        self._file = ConfigFile(path) if path is not None else None
        self._reloading = asyncio.Lock()
        self._ended = "its work was done"
        self._tasks: set[asyncio.Task[object]] = set()

    async def run(self, until: Callable[[Engine], Awaitable[None]] | None = None) -> int:
        """Serve until SIGTERM or SIGINT, or until `until` returns. Raises BrimwatchError where it cannot begin."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        raise_descriptor_limit()
        doors = Doors(self._options)
        storage, unstored = open_storage(self._options.storage_path)
        engine = Engine(self._config, self._options, self._log, loop, storage)
        if not self._hosted:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._end, stop, number.name)
            loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self.reload(engine)))
        try:
            if self._options.journal and self._options.storage_path != "":
                await engine.continuity.open(find_storage(self._options.storage_path))
            engine.continuity.page = doors.address if doors.serves else ""
            await doors.open(engine, lambda: self.reload(engine), lambda: self.health(engine))
            engine.metrics.reload_result(True, engine.loaded_wall)
            engine.story.tell(
                Name.DAEMON_STARTED,
                None,
                None,
                version=__version__,
                **({"address": doors.address} if doors.serves else {}),
                dry_run=engine.config.dry_run,
                **engine.continuity.last_run,
            )
            if unstored:
                engine.story.tell(Name.ARTEFACT_FAILED, detail=f"no artefacts are kept: {unstored}")
            engine.story.tell(Name.CONFIG_LOADED, source=self._config.source, targets=len(self._config.targets))
            self._log.listen()
            engine.continuity.undone = await engine.keeper.adopt(self._config.run_dir)
            engine.watch.start()
            if engine.membership.all_looked_at():  # else some may still be found again; then housekeeping tells
                engine.continuity.tell_left()
            gc.collect()
            gc.freeze()  # what lives as long as the daemon need not be walked by each full collection
            self._notifier.send("READY=1", self._status(engine))
            self._spawn(self._keep(engine))
            if self._file is not None:
                self._spawn(self._follow(engine, self._file))
            await self._wait(stop, None if until is None else until(engine))
        finally:
            self._notifier.send("STOPPING=1")
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for place, closing in (("web server", doors.close()), ("end", engine.close())):
                try:
                    await closing
                except Exception as error:  # noqa: BLE001 - what fails to close must not keep brakes in force
                    engine.story.fault(place, error)
            engine.story.tell(
                Name.DAEMON_STOPPED, uptime_seconds=round(time.time() - engine.started_wall, 1), reason=self._ended
            )
            await engine.continuity.close()
        return 0

    def health(self, engine: Engine) -> tuple[bool, str]:
        """Does the loop still look when it meant to? The word for `/-/healthy`, and what feeds the watchdog."""
        now = time.monotonic()
        if engine.watch.overdue(now) < STALLED:
            return True, "ok"
        return False, f"no look for {now - engine.watch.last_tick:.0f}s"

    async def reload(self, engine: Engine) -> tuple[bool, str]:
        """Read the configuration again; a bad one changes nothing and is told."""
        async with self._reloading:
            self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                return await self._reload(engine)
            finally:
                self._notifier.send("READY=1", self._status(engine))

    async def _reload(self, engine: Engine) -> tuple[bool, str]:
        try:
            config = await in_thread(self._load)
        except (ConfigError, BrimwatchError) as error:
            return self._rejected(engine, error)
        engine.reconfigure(config)
        engine.config_ok = True
        engine.metrics.reload_result(True, engine.loaded_wall)
        engine.story.tell(Name.CONFIG_RELOADED, source=config.source, targets=len(config.targets))
        return True, "reloaded"

    def _load(self) -> Config:
        """On a thread. What changes while it is read differs from what was seen, and is read again."""
        if self._file is not None:
            self._file.seen()
        return load_config(self._options)

    def _status(self, engine: Engine) -> str:
        """What `systemctl status` shows."""
        kept = "" if engine.config_ok else "; the configuration was rejected, the last good one is in force"
        return f"STATUS=watching {len(engine.membership.targets)} targets{kept}"

    def _rejected(self, engine: Engine, error: BrimwatchError) -> tuple[bool, str]:
        engine.config_ok = False
        engine.metrics.reload_result(False, engine.loaded_wall)
        faults = str(error).splitlines()
        source = self._options.config_file or ""
        engine.story.tell(Name.CONFIG_REJECTED, source=source, faults=len(faults), detail=faults[0][:300])
        return False, str(error)

    async def _keep(self, engine: Engine) -> None:
        """Once an interval: housekeeping and the watchdog."""
        pet = self._notifier.watchdog / 2 if self._notifier.watchdog is not None else None
        pause = min(1.0, engine.config.interval, pet or 1.0)
        told = self._status(engine)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            try:
                engine.housekeeping(now)
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                engine.story.fault("housekeeping", error)
            if pet is not None and self.health(engine)[0]:
                self._notifier.send("WATCHDOG=1")
            if told != (told := self._status(engine)):
                self._notifier.send(told)

    async def _follow(self, engine: Engine, file: ConfigFile) -> None:
        """Reload where the file has changed. A disk that hangs holds up this task alone."""
        while True:
            await asyncio.sleep(CHECK_FILE)
            try:
                if await in_thread(file.changed):
                    await self.reload(engine)
            except Exception as error:  # noqa: BLE001 - the next check may succeed; what is in force stays
                engine.story.fault("configuration", error)

    async def _wait(self, stop: asyncio.Event, until: Awaitable[None] | None) -> None:
        if until is None:
            await stop.wait()
            return
        ended = asyncio.ensure_future(until)
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, stopped):
            task.cancel()
        await asyncio.gather(ended, stopped, return_exceptions=True)

    def _end(self, stop: asyncio.Event, why: str) -> None:
        self._ended = why
        stop.set()

    def _spawn(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def look_once(options: Options, config: Config, log: Log, settle: float = 3.0) -> bytes:
    """One look at everything, slow reads included: the metrics as text. `settle`: seconds that those may take."""
    engine = Engine(replace(config, dry_run=True), options, log, asyncio.get_running_loop())
    engine.metrics.reload_result(True, engine.loaded_wall)
    try:
        await engine.pods.settle(settle)
        engine.looks.everything = True
        engine.watch.look_once()
        await engine.lanes.drain(settle)
        await engine.introspection.settle(engine.membership.targets.values(), settle)
        engine.looks.everything = False
        engine.housekeeping(time.monotonic())
        await engine.agents.drain(settle)
        engine.watch.look_once()
        body, _ = await engine.metrics.render(engine.snapshot(), "")
        return body
    finally:
        await engine.close()
