"""Why did an agent not do what it was asked? One of the reasons that every outcome has, and a sentence."""

from __future__ import annotations

from brimwatch.hooks.wire import bounded
from brimwatch.model import Reason


class AgentFault(Exception):  # noqa: N818 - an outcome, told with its reason
    """Nothing was done, or nobody knows what. `detail` is one line of at most 200 printable characters."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.detail = bounded(detail)
        super().__init__(self.detail)
        self.reason = reason
