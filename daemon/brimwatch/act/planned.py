"""Which kinds of action does the configuration know that this version cannot run yet?

Their shape is checked, so that a file written for them is a good file, and a run says plainly that nothing was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from brimwatch.act.request import Request, Traits
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import parse_size

FORMATS = ("brimwatch", "alertmanager")
TIERS = ("warning", "critical", "emergency")
_CGROUP_FILES = ("memory.high", "memory.reclaim")
_LONGEST_BRAKE = 10.0  # seconds: a brake stalls its target for as long as it lasts


class Planned:
    """One such kind: `read` checks the value under its own key."""

    def __init__(
        self, name: str, read: Callable[[Node], Traits | None], reason: Reason, notice: str, *more: str
    ) -> None:
        """`more` are the keys beside its own name that belong to it."""
        self.name = name
        self.reason = reason
        self.NOTICE = notice
        self._keys = frozenset({name, *more})
        self._read = read

    @property
    def KEYS(self) -> frozenset[str]:  # noqa: N802 - a constant, as the modules of the other kinds have it
        """The keys of an action that belong to this kind."""
        return self._keys

    def parse(self, node: Node) -> Traits | None:
        """Check a whole action of this kind."""
        fields = node.mapping()
        if fields is None or self.name not in fields:
            return None
        traits = self._read(fields[self.name])
        if "max" in fields and fields["max"].duration(0.001, _LONGEST_BRAKE) is None:
            return None
        return traits

    async def run(self, request: Request) -> Attempt:
        """Do nothing, and say so."""
        now = time.monotonic()
        return Attempt(Verdict.SUPPRESSED, now, now, self.reason, f"{request.action.name}: {self.NOTICE}")


def _read_hook(node: Node) -> Traits | None:
    fields = node.mapping(("names",))
    if fields is None:
        return None
    names: tuple[str, ...] = ()
    if "names" in fields:
        items = fields["names"].items()
        if items is None:
            return None
        if not items:
            fields["names"].fault("an empty list", "at least one name", "leave `names` out for all hooks")
            return None
        texts = [item.text(64) for item in items]
        names = tuple(text for text in texts if text is not None)
        if len(names) < len(texts):
            return None
    return Traits(names, cooperative=True)


def _read_webhook(node: Node) -> Traits | None:
    fields = node.mapping(("url", "secret_file", "format", "tells"))
    if fields is None:
        return None
    if "url" not in fields:
        node.fault("no url", "`url: http://...`")
        return None
    url = fields["url"].text()
    form = fields["format"].choice(FORMATS) if "format" in fields else FORMATS[0]
    tells = fields["tells"].flag() if "tells" in fields else False
    secret = fields["secret_file"].text() if "secret_file" in fields else ""
    if url is None or form is None or tells is None or secret is None:
        return None
    if secret and not secret.startswith("/"):
        fields["secret_file"].fault(fields["secret_file"].shown, "an absolute path")
        return None
    if not _is_http(url):
        fields["url"].fault(fields["url"].shown, "an http or https address with a host")
        return None
    return Traits((url, form, secret), tells=tells or form == "alertmanager")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _read_cgroup(node: Node) -> Traits | None:
    fields = node.mapping(_CGROUP_FILES)
    if fields is None:
        return None
    if len(fields) != 1:
        if len(node.mapping() or ()) != 1:
            node.fault(f"{len(fields)} files", f"one of {', '.join(_CGROUP_FILES)}")
        return None
    ((name, value),) = fields.items()
    if name == "memory.high" and value.is_scalar and value.written.endswith("%"):
        read: float | None = value.ratio()
    else:
        read = value.size()
    return None if read is None else Traits((name, read))


def _read_rlimit(node: Node) -> Traits | None:
    fields = node.mapping(("data",))
    if fields is None:
        return None
    if "data" not in fields:
        node.fault("no resource", "`data: +200MB`")
        return None
    wanted = "a size above what is in use, such as +200MB"
    text = fields["data"].scalar(wanted)
    if text is None:
        return None
    try:
        if not text.startswith("+"):
            raise ValueError(wanted)
        return Traits(("data", parse_size(text[1:])))
    except ValueError:
        fields["data"].fault(fields["data"].shown, wanted, "a fixed limit could lie below what is in use")
        return None


def _read_stacks(node: Node) -> Traits | None:
    if node.is_null:
        return Traits(False, tells=True)
    fields = node.mapping(("locals",))
    if fields is None:
        return None
    shows = fields["locals"].flag() if "locals" in fields else False
    return None if shows is None else Traits(shows, tells=True)


_LATER = "this version does not {} yet; the rung is skipped with the reason `unsupported`"

HOOK = Planned(
    "hook",
    _read_hook,
    Reason.NO_AGENT,
    "this version does not call agents yet; the rung is skipped with the reason `no_agent`",
)
WEBHOOK = Planned("webhook", _read_webhook, Reason.UNSUPPORTED, _LATER.format("send webhooks"))
CGROUP = Planned("cgroup", _read_cgroup, Reason.UNSUPPORTED, _LATER.format("write to cgroups"), "max")
RLIMIT = Planned("rlimit", _read_rlimit, Reason.UNSUPPORTED, _LATER.format("set resource limits"))
STACKS = Planned("stacks", _read_stacks, Reason.UNSUPPORTED, _LATER.format("write stacks"))
