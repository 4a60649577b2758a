"""How does a request reach the target? A stand-in with the interface of the real one."""

import time

from brimwatch.act.request import Request, Traits
from brimwatch.act.webhook_options import read_webhook
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict

KEYS = frozenset({"webhook"})
NOTICE = "this version does not send webhooks under `do` yet; the rung is skipped with the reason `unsupported`"


def parse(node: Node) -> Traits | None:
    """Read a whole action of this kind."""
    fields = node.mapping()
    if fields is None or "webhook" not in fields:
        return None
    options = read_webhook(fields["webhook"])
    return None if options is None else Traits(options, tells=options.tells)


async def run(request: Request) -> Attempt:
    """Do nothing, and say so."""
    now = time.monotonic()
    return Attempt(Verdict.SUPPRESSED, now, now, Reason.UNSUPPORTED, f"{request.action.name}: {NOTICE}")
