"""Recordings made by hand, for the tests of the commands that read them."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tests.core.climbing import policy

from brimwatch.core import recorded as rows
from brimwatch.model import Limit, Policy, ProcessId, Reading, Sample
from brimwatch.quantity import Quantity
from brimwatch.record.samples_write import RowWriter

WALL = 1_800_000_000.0
KEY = ProcessId(4242, 7)
MB = 1e6


def recording(
    path: Path, taken: Iterable[rows.Row], digest: str = "", interval: float = 1.0, dry_run: bool = False
) -> str:
    """Write rows into a file, a header before them, policies where they are needed; returns its path."""
    writer, lines, known = RowWriter(), [], 0
    terms = rows.Terms(interval, dry_run, False, digest, "test")
    for row in (rows.Header("host", "boot", 0.0, WALL, terms, "0.1.0"), *taken):
        line = writer.line(row)
        lines += [writer.policy_line(number) for number in range(known + 1, writer.policies + 1)]
        known = writer.policies
        lines.append(line)
    path.write_bytes(b"".join(lines))
    return str(path)


def declared(name: str = "shop", one: Policy | None = None, host: bool = False) -> rows.Declared:
    return rows.Declared(name, name, policy() if one is None else one, 0.0, WALL, False, host)


def looks(
    values: Callable[[int], float], seconds: int, name: str = "shop", limit: Limit | None = None
) -> Iterable[rows.Look]:
    """A look each second."""
    for at in range(seconds):
        sample = Sample(
            float(at), {Quantity.RSS: Reading(values(at), float(at))}, limit or Limit(25 * 10**9, "machine")
        )
        yield rows.Look(name, KEY, None, WALL + at, at, sample)


def found(name: str = "shop", comm: str = "gunicorn", unit: str | None = None) -> rows.Passed:
    return rows.Passed(name, KEY, KEY, True, comm, unit, WALL)
