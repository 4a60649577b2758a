"""Is a name that was given with `--target` known at all? What nobody knows is a typing error, told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from brimwatch.cli.daemon_client import DaemonClient
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.record.text import escaped, label

_SHOWN = 20


def target_names(client: DaemonClient) -> list[str]:
    """The targets that a daemon knows now; one of a template only while it has a process. Raises BrimwatchError."""
    try:
        return [str(one["name"]) for one in client.json("/api/v1/targets")["targets"]]
    except (KeyError, TypeError):
        raise BrimwatchError(f"{client.url}: the answer is not that of a Brimwatch daemon") from None


def refuse_unknown(wanted: Iterable[str], known: Collection[str], who: str) -> None:
    """Raise UsageError where one that is wanted is none of those that `who` knows."""
    names = {*known, *map(label, known)}
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    shown = ", ".join(escaped(label(name), 60) for name in list(known)[:_SHOWN]) or "none"
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    raise UsageError(f"--target: found {', '.join(escaped(one, 60) for one in missing)}; {who} knows {shown}{more}")
