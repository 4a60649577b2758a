"""How is a target asked over HTTP to give memory back?

`{webhook: {url: 'http://127.0.0.1:8000/memory/optimize'}}` under `do` posts a message that says what is needed, tries
again inside `deadline`, and takes the answer for done when it is a 2xx. Under `tell` the outbox sends the messages, and
repeats them for as long as `keep`; run here, such an action is one message within `deadline`.
"""

from __future__ import annotations

from brimwatch.act.request import Request, Traits
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt
from brimwatch.units import Seconds

# Everything else is imported where a configuration has a webhook: some 600 objects that the collector tracks,
# measured, of which most daemons need none. And while the file is read: an emergency must not wait for it.

KEYS = frozenset({"webhook"})


def parse(node: Node) -> Traits | None:
    """Read `{webhook: {url: ..., secret_file: ...}}`."""
    from brimwatch.act import ask_webhook  # noqa: F401 - see above
    from brimwatch.act.webhook_options import read_webhook

    fields = node.mapping()
    if fields is None or "webhook" not in fields:
        return None
    options = read_webhook(fields["webhook"])
    return None if options is None else Traits(options, cooperative=not options.tells, tells=options.tells)


def notices(options: object) -> tuple[str, ...]:
    """What to know of such an action that is no fault."""
    from brimwatch.act import webhook_options

    return tuple(webhook_options.notices(options)) if isinstance(options, webhook_options.Webhook) else ()


def longest(options: object) -> Seconds:
    """How long an attempt can take."""
    from brimwatch.act.webhook_options import DEADLINE, Webhook

    return options.deadline if isinstance(options, Webhook) else DEADLINE


def describe(options: object) -> str:
    """What an attempt would send, for a person, and where; of what tells no path: with chat services it is a secret."""
    from brimwatch.act.web_address import address_of
    from brimwatch.act.webhook_options import Webhook

    if not isinstance(options, Webhook):
        return "send a POST"
    address = address_of(options.url)
    return f"send POST {address.origin}{'' if options.tells else address.path.partition('?')[0]}"


async def run(request: Request) -> Attempt:
    """Ask, until an answer says it is done, or that asking is in vain, or the time is over."""
    from brimwatch.act.ask_webhook import ask

    return await ask(request)
