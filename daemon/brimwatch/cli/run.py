"""How is the daemon started?"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from brimwatch.cli.durations import duration
from brimwatch.config.credentials import TOKEN, find_credential
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.record.catalogue import Level
from brimwatch.record.log import Format, Log
from brimwatch.runtime.doors import check_doors
from brimwatch.runtime.engine import load_config
from brimwatch.runtime.options import DEFAULT_ADDRESS, Options
from brimwatch.runtime.service import Service, look_once
from brimwatch.runtime.storage import storage_beside

EXAMPLE = """examples:
  brimwatch run --pid 4242                          watch one process, with no file at all
  brimwatch run --config.file brimwatch.yaml        watch what the file says
  brimwatch run --config.file brimwatch.yaml --dry-run
                                                    the same, but decide and report only
  brimwatch run --once | grep resident              one look at everything, as metrics
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `run`."""
    parser = subparsers.add_parser(
        "run",
        help="watch targets, export metrics, act: the daemon",
        description="Watch targets, export their memory to Prometheus, and act when a tier is entered.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--config.file", dest="config_file", metavar="F", help="YAML configuration (default: built in, observes only)")
    add(
        "--web.listen-address", dest="listen_address", metavar="HOST:PORT", default=DEFAULT_ADDRESS,
        help="where metrics, API and page are served; '' serves nothing (default: %(default)s)",
    )  # fmt: skip
    add(
        "--web.config.file", dest="web_config_file", metavar="F",
        help="TLS and users, in the format of Prometheus exporters; read again when it changes",
    )  # fmt: skip
    add(
        "--web.token-file", dest="token_file", metavar="F",
        help="bearer token for POST, and for all off loopback "
        "(default: $CREDENTIALS_DIRECTORY/brimwatch.token, where that is there)",
    )  # fmt: skip
    add(
        "--web.enable-lifecycle", dest="enable_lifecycle", action="store_true",
        help="allow POST over loopback where no token is configured (default: off)",
    )  # fmt: skip
    add(
        "--storage.path", dest="storage_path", metavar="D",
        help="folder of journal and artefacts, '' keeps none "
        "(default: $STATE_DIRECTORY, /var/lib/brimwatch or below ~/.local/state; with --pid: artefacts, beside it)",
    )  # fmt: skip
    add("--pid", type=int, metavar="N", help="watch this one process, with no file")
    add("--interval", type=duration, metavar="D", help="longest gap between two looks (default: 1s, or the file's)")
    add(
        "--log.level", dest="log_level", choices=("debug", "info", "warning", "error"), default="info",
        help="least severe log line written (default: %(default)s)",
    )  # fmt: skip
    add(
        "--log.format", dest="log_format", choices=("logfmt", "json", "console"), default="logfmt",
        help="form of the log on standard error (default: %(default)s)",
    )  # fmt: skip
    add("--dry-run", action="store_true", help="decide and report, act on nothing")
    add("--once", action="store_true", help="take one look at everything, print the metrics, exit")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon until it is told to stop."""
    if arguments.pid is not None and arguments.config_file is not None:
        raise UsageError(
            "--pid: found together with --config.file, wanted one of them; put `match: {pid: N}` in the file"
        )
    if arguments.pid is not None and arguments.pid < 1:
        raise UsageError(f"--pid: found {arguments.pid}, wanted the number of a process")
    if arguments.interval is not None and not 0.01 <= arguments.interval <= 3600:
        raise UsageError(f"--interval: found {arguments.interval:g}s, wanted 10ms to 1h")
    beside = storage_beside() if arguments.pid is not None and arguments.storage_path is None else None
    options = Options(
        config_file=arguments.config_file,
        listen_address=arguments.listen_address or None,
        token_file=arguments.token_file or find_credential(TOKEN),
        web_config_file=arguments.web_config_file,
        storage_path=beside or arguments.storage_path,
        enable_lifecycle=arguments.enable_lifecycle,
        pid=arguments.pid,
        interval=arguments.interval,
        dry_run=arguments.dry_run,
        journal=beside is None,
    )
    config = load_config(options)
    if options.pid is not None and not os.path.exists(f"{options.procfs}/{options.pid}"):
        raise BrimwatchError(f"--pid {options.pid}: there is no such process")
    log = Log(Format(arguments.log_format), Level(arguments.log_level))
    if arguments.once:
        check_doors(options)
        sys.stdout.write(asyncio.run(look_once(options, config, log)).decode())
        return 0
    return asyncio.run(Service(options, config, log).run())
