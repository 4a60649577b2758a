"""What does Brimwatch do? Shown on a real process that grows and has hooks, with the real daemon, in a minute."""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable

from brimwatch.act.kinds import ACTIONS
from brimwatch.cli.demo_story import Narrator
from brimwatch.config.load import load
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.record.catalogue import Level
from brimwatch.record.log import Format, Log
from brimwatch.runtime.options import DEFAULT_ADDRESS, Options
from brimwatch.runtime.service import Service
from brimwatch.units import format_bytes, parse_duration, parse_rate, parse_size

EXAMPLE = """example:
  brimwatch demo --rate 100MB/s --limit 1GB         grow faster, to a larger limit
"""
SMALLEST = 100_000_000  # bytes: below this the interpreter itself is most of what is measured
TIERS = {"warning": 50, "critical": 70, "emergency": 90}  # per cent of the limit
CONFIG = """\
targets:
  - name: demo
    match: {{pid: {pid}}}
    policy: demo
policies:
  demo:
    cooldown: 5s
    tiers:
      warning:   {{when: {{rss: {warning}MB}}, do: [nudge]}}
      critical:  {{when: {{rss: {critical}MB}}, do: [drop-reports]}}
      emergency: {{when: {{rss: {emergency}MB}}, do: [drop-everything]}}
actions:
  nudge:           {{signal: SIGUSR1}}  # it does not catch that, so it would die of it: not sent
  drop-reports:    {{hook: {{names: [reports]}}}}
  drop-everything: {{hook: {{names: [reports, sessions]}}}}
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="see the whole of it on a process of its own, in a minute",
        description="Start a process that grows, watch it, and tell what happens until it was brought back.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rate", default="50MB/s", help="how fast the process grows (default: %(default)s)")
    add(
        "--limit",
        default="400MB",
        help="what it may hold; tiers stand at 50, 70 and 90 %% of it (default: %(default)s)",
    )
    add("--duration", default="60s", help="when to end at the latest (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; 0 where the process was brought back from an emergency, else 1."""
    rate = _read("--rate", arguments.rate, parse_rate)
    limit = int(_read("--limit", arguments.limit, parse_size))
    duration = _read("--duration", arguments.duration, parse_duration)
    if limit < SMALLEST:
        raise UsageError(f"--limit: found {arguments.limit}, wanted at least {format_bytes(SMALLEST)}")
    if rate <= 0:
        raise UsageError(f"--rate: found {arguments.rate}, wanted more than nothing")
    return _demonstrate(rate, limit, duration)


def _read(flag: str, text: str, parse: Callable[[str], float]) -> float:
    try:
        return parse(text)
    except ValueError as wanted:
        raise UsageError(f"{flag}: found {text!r}, wanted {wanted}") from None


def _demonstrate(rate: float, limit: int, duration: float) -> int:
    target = subprocess.Popen(
        [
            sys.executable, "-m", "brimwatch.cli.demo_target",
            "--rate", str(int(rate)), "--limit", str(limit), "--duration", str(duration + 5),
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        if target.stdout is None or target.stdout.readline() != b"ready\n":
            raise BrimwatchError("demo: the process to watch did not start")
        shares = {name: limit * share // 100 // 10**6 for name, share in TIERS.items()}
        text = CONFIG.format(pid=target.pid, **shares)
        return asyncio.run(_watch(target.pid, text, rate, limit, duration))
    finally:
        target.kill()
        target.wait()


async def _watch(pid: int, text: str, rate: float, limit: int, duration: float) -> int:
    address = _free_address()
    narrator = Narrator(limit, duration, address)
    narrator.introduce(pid, rate, text)
    options = Options(listen_address=address, storage_path="")
    service = Service(options, load(text, "demo", ACTIONS), Log(Format.CONSOLE, Level.ERROR))
    await service.run(until=narrator.tell)
    return narrator.conclude()


def _free_address() -> str:
    """The usual address, or another port where that one is taken."""
    host, _, port = DEFAULT_ADDRESS.rpartition(":")
    for candidate in (int(port), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return f"{host}:{probe.getsockname()[1]}"
    raise BrimwatchError("demo: no port on the loopback interface could be had")
