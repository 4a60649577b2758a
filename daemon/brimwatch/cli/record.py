"""How is a run kept, to be explained later? Every look and decision of a running daemon, or of one that only looks."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time

from brimwatch.cli.ask import add_arguments
from brimwatch.cli.daemon_client import DaemonClient
from brimwatch.cli.durations import duration
from brimwatch.cli.sample_sink import Sink
from brimwatch.cli.target_names import refuse_unknown, target_names
from brimwatch.config.settings import Config
from brimwatch.core.recorded import End
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.record.catalogue import Level
from brimwatch.record.log import Format, Log
from brimwatch.record.samples_write import RowWriter
from brimwatch.runtime.engine import Engine, load_config
from brimwatch.runtime.options import Options
from brimwatch.runtime.reload import in_thread
from brimwatch.runtime.service import Service
from brimwatch.units import format_bytes, format_duration, parse_size

EXAMPLE = """examples:
  brimwatch record -o run.jsonl                             from the running daemon, until Ctrl-C
  brimwatch record -o run.jsonl --target checkout --duration 1h
  brimwatch record -o run.jsonl --pid 4242                  no daemon: watch this process, act on nothing
  brimwatch record -o - --duration 10s | gzip > run.jsonl.gz
"""
LONGEST = 10.0 * 365 * 86400  # seconds


class Ended(Exception):  # noqa: N818 - not an error: the recording is done
    """The recording is done; the text says why."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `record`."""
    parser = subparsers.add_parser(
        "record",
        help="write every look and decision as JSON lines, to replay them",
        description="Record every look and decision as JSON lines. With --pid or --config.file no daemon is needed: "
        "the command watches by itself and acts on nothing.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-o", dest="output", metavar="F", required=True, help="file to write; `-` is standard output")
    add_arguments(parser)
    add("--target", action="append", default=[], metavar="NAME", help="only this target; may be given several times")
    add("--pid", type=int, metavar="N", help="no daemon: watch this process")
    add("--config.file", dest="config_file", metavar="F", help="no daemon: watch what this file says, in dry run")
    add("--duration", type=duration, metavar="D", help="how long (default: until SIGINT or SIGTERM)")
    add(
        "--max-size", default="1GB", metavar="SIZE", help="largest file; then the recording ends (default: %(default)s)"
    )
    add("--force", action="store_true", help="write over a file that is there")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record until the end that was asked for. Raises BrimwatchError where it came sooner."""
    try:
        largest = parse_size(arguments.max_size)
    except ValueError as wanted:
        raise UsageError(f"--max-size: found {arguments.max_size!r}, wanted {wanted}") from None
    if arguments.duration is not None and not 0 < arguments.duration <= LONGEST:
        raise UsageError(f"--duration: found {arguments.duration:g}s, wanted more than nothing and less than ten years")
    offline = arguments.pid is not None or arguments.config_file is not None
    if offline and arguments.url is not None:
        raise UsageError("--url: found together with --pid or --config.file, wanted either a daemon or none")
    if arguments.pid is not None and (arguments.pid < 1 or arguments.config_file is not None):
        raise UsageError("--pid: wanted the number of a process, and no --config.file beside it")
    options = Options(
        config_file=arguments.config_file, pid=arguments.pid, listen_address=None, dry_run=True, storage_path=""
    )
    config = load_config(options) if offline else None
    if arguments.pid is not None and not os.path.exists(f"/proc/{arguments.pid}"):
        raise BrimwatchError(f"--pid: there is no process {arguments.pid}")
    client = DaemonClient(arguments) if config is None else None
    if arguments.target:
        _refuse_unknown(arguments.target, client, config)
    sink = Sink(arguments.output, arguments.force, largest)
    started = time.monotonic()
    try:
        if client is not None:
            why = _from_daemon(client, sink, arguments)
        elif config is not None:
            why = asyncio.run(_from_engine(options, config, sink, arguments))
        sink.end(RowWriter().line(End(why)))
    finally:
        sink.abandon()
        lost = f", {sink.lost} rows were lost" if sink.lost else ""
        told = f"{sink.rows} rows, {format_bytes(sink.size)}, {format_duration(time.monotonic() - started)}{lost}"
        if not sink.gone:
            print(f"recorded in {sink.shown}: {told}", file=sys.stderr)
    return 0


def _refuse_unknown(wanted: list[str], client: DaemonClient | None, config: Config | None) -> None:
    """A recording of a target that nobody knows would be an empty one. Raises UsageError."""
    if config is not None:
        if any("{" in spec.name for spec in config.targets):
            return  # a template: its targets have the names of processes that may still come
        refuse_unknown(wanted, [spec.name for spec in config.targets], "the configuration")
    elif client is not None:
        refuse_unknown(wanted, target_names(client), "the daemon")


def _from_daemon(client: DaemonClient, sink: Sink, arguments: argparse.Namespace) -> str:
    """Write what a running daemon streams; returns why that ended in order. Raises BrimwatchError where it did not."""

    def end(number: int, _: object) -> None:
        raise Ended("its time was over" if number == signal.SIGALRM else signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, end)
    try:
        if arguments.duration is not None:
            signal.setitimer(signal.ITIMER_REAL, arguments.duration)
        for piece in client.lines("/api/v1/samples", arguments.target):
            if not sink.write(piece):
                return f"--max-size {arguments.max_size} was reached"
    except Ended as ended:
        return str(ended)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)  # the last line is to be written whole
    raise BrimwatchError(f"{client.url}: the daemon stopped; what was written before stays good")


async def _from_engine(options: Options, config: Config, sink: Sink, arguments: argparse.Namespace) -> str:
    """Watch without a daemon, in dry run; returns why that ended."""
    failed: list[BrimwatchError] = []
    ended = ["it was told to stop"]

    async def record(engine: Engine) -> None:
        try:
            async with asyncio.timeout(arguments.duration):
                ended[0] = await _drain(engine, sink, arguments)
        except TimeoutError:
            ended[0] = "its time was over"
        except BrimwatchError as error:
            failed.append(error)

    await Service(options, config, Log(Format.LOGFMT, Level.ERROR)).run(until=record)
    if failed:
        raise failed[0]
    return ended[0]


async def _drain(engine: Engine, sink: Sink, arguments: argparse.Namespace) -> str:
    """Write rows on a thread of its own: a slow disk loses rows, and they are counted, but it delays no look."""
    listener = engine.recorder.open(arguments.target)
    if listener is None:
        raise BrimwatchError("the recorder has enough listeners")
    async for lines in engine.recorder.stream(listener):
        if not await in_thread(lambda lines=lines: sink.write(lines)):  # type: ignore[misc]
            return f"--max-size {arguments.max_size} was reached"
        if arguments.pid is not None and not any(one.subjects for one in engine.membership.targets.values()):
            return f"process {arguments.pid} is gone"
    return "the engine stopped"
