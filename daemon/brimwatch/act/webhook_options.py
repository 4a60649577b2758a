"""What can be said of a webhook? A stand-in with the interface of the real one."""

from typing import NamedTuple

from brimwatch.config.nodes import Node
from brimwatch.units import Seconds

FORMATS = ("brimwatch", "alertmanager")


class Webhook(NamedTuple):
    """Where and how messages are sent."""

    url: str
    form: str = FORMATS[0]
    secret_file: str = ""
    tells: bool = False
    timeout: Seconds = Seconds(5.0)
    deadline: Seconds = Seconds(10.0)
    keep: Seconds = Seconds(3600.0)


def read_webhook(node: Node) -> Webhook | None:
    """Read the mapping under `webhook`."""
    fields = node.mapping(("url", "secret_file", "format", "tells", "timeout", "keep"))
    if fields is None:
        return None
    if "url" not in fields:
        node.fault("no url", "`url: http://...`")
        return None
    url = fields["url"].text()
    form = fields["format"].choice(FORMATS) if "format" in fields else FORMATS[0]
    tells = fields["tells"].flag() if "tells" in fields else False
    secret = fields["secret_file"].text() if "secret_file" in fields else ""
    keep = fields["keep"].duration() if "keep" in fields else Seconds(3600.0)
    timeout = fields["timeout"].duration() if "timeout" in fields else Seconds(5.0)
    if url is None or form is None or tells is None or secret is None or keep is None or timeout is None:
        return None
    if secret and not secret.startswith("/"):
        fields["secret_file"].fault(fields["secret_file"].shown, "an absolute path")
        return None
    if not url.startswith("http"):
        fields["url"].fault(fields["url"].shown, "an http or https address with a host")
        return None
    return Webhook(url, form, secret, tells or form == "alertmanager", timeout, keep=keep)
