"""What of the web configuration is asked at each request? It is replaced while requests are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brimwatch.web.bucket import Bucket
from brimwatch.web.logins import Logins

if TYPE_CHECKING:
    from brimwatch.web.webconfig import WebConfig


class Rules:
    """Users, headers and rate as they are now; none of them without `--web.config.file`."""

    def __init__(self) -> None:
        self.logins: Logins | None = None
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        self.bucket: Bucket | None = None

    def apply(self, config: WebConfig) -> None:
        """Let another configuration count; where its users are the same, what is known of them stays."""
        self.headers = config.headers
        self.bucket = Bucket(*config.rate) if config.rate is not None else None
        if (self.logins.users if self.logins is not None else {}) == dict(config.users or {}):
            return
        self.close()
        self.logins = Logins(config.users) if config.users else None

    def close(self) -> None:
        """Check no password any more."""
        if self.logins is not None:
            self.logins.close()
            self.logins = None
