"""What was the daemon asked for on its command line?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from brimwatch.units import Seconds

DEFAULT_ADDRESS = "127.0.0.1:9847"


@dataclass(frozen=True, slots=True)
class Options:
    """The flags of `brimwatch run`; None means the configuration's or the built-in default."""

    config_file: str | None = None
    listen_address: str | None = DEFAULT_ADDRESS  # None: serve nothing
    token_file: str | None = None
    web_config_file: str | None = None
    storage_path: str | None = None  # None: found by `runtime.storage`; empty: nothing is kept
    enable_lifecycle: bool = False
    pid: int | None = None
    interval: Seconds | None = None
    dry_run: bool = False
    procfs: str = "/proc"
    adopts: Callable[[int], bool] | None = None  # which of our children belong to the first target as orphans
    journal: bool = False  # keep what must outlive this run; the daemon does, a demonstration does not
