"""Has the web configuration changed, or a certificate that it names? A bad new one changes nothing, and is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from brimwatch.errors import ConfigError
from brimwatch.runtime.reload import ConfigFile, in_thread
from brimwatch.web.rules import Rules
from brimwatch.web.webconfig import WebConfig, load_web_config

CHECK = 2.0  # seconds between two checks


class WebFile:
    """The file of `--web.config.file`. Raises ConfigError where it cannot be used at the start."""

    def __init__(self, path: str, rules: Rules) -> None:
        self.path = path
        self._rules = rules
        self._watched: tuple[ConfigFile, ...] = ()
        self._config = WebConfig()
        self._begun = False
        loaded = self._load()
        if isinstance(loaded, ConfigError):
            raise loaded
        self._config, self._begun = loaded, True
        rules.apply(loaded)

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences about what is weak."""
        return self._config.findings

    @property
    def encrypted(self) -> bool:
        """Are connections encrypted? That is settled at the start."""
        return self._config.tls is not None

    def context(self) -> ssl.SSLContext:
        """What the next connection is made with."""
        if self._config.tls is None:
            raise RuntimeError("no TLS is configured")
        return self._config.tls

    async def keep(self, reloaded: Callable[[], None], rejected: Callable[[ConfigError], None]) -> None:
        """Check for ever. Files are read on a thread: the disk may hang, the loop must not."""
        while True:
            await asyncio.sleep(CHECK)
            found = await in_thread(lambda: self._load() if self._changed() else None)
            if found is None:
                continue
            if isinstance(found, ConfigError):
                rejected(found)
                continue
            self._config = found
            self._rules.apply(found)
            reloaded()

    def _changed(self) -> bool:
        return any(file.changed() for file in self._watched)

    def _load(self) -> WebConfig | ConfigError:
        """Read all of it, and watch what was read.

        What was known before is compared with how it was before the reading, so that no change falls between; a name
        that is new here is taken as it is right after. A file that a bad configuration names is watched as well: it may
        be the one that is put right.
        """
        known = {file.path for file in self._watched}
        before = {path: ConfigFile(path) for path in known | {self.path}}
        seen: set[str] = set()
        try:
            found: WebConfig | ConfigError = self._compatible(load_web_config(self.path, seen))
        except ConfigError as error:
            found = error
            seen |= known
        self._watched = tuple(before.get(path) or ConfigFile(path) for path in sorted(seen))
        return found

    def _compatible(self, found: WebConfig) -> WebConfig:
        """The port is open, with TLS or without. Raises ConfigError where that would have to change."""
        if self._begun and (found.tls is None) is self.encrypted:
            word = "off" if self.encrypted else "on"
            raise ConfigError((f"{self.path}: TLS cannot be switched {word} while the port is open; restart",))
        return found
