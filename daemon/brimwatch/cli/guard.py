"""How is a command run under watch?"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.cli.durations import duration
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.runtime.guarding.launch import Launcher, adopt_orphans, fill_standard, let_go
from brimwatch.runtime.guarding.passing import Taken, take
from brimwatch.units import Seconds, parse_duration, parse_size

if TYPE_CHECKING:
    from brimwatch.config.settings import Config
    from brimwatch.record.account import Account
    from brimwatch.runtime.guarding.course import Course
    from brimwatch.runtime.guarding.teller import Teller
    from brimwatch.runtime.guarding.watching import Watching

EXAMPLE = """examples:
  brimwatch guard -- python3 batch.py               watch it, and say what it needed
  brimwatch guard --warning rss=1GB --critical rss=1.5GB --emergency rss=1.8GB \\
      --emergency-signal SIGTERM --grace 30s -- python3 batch.py
                                                    the same, and stop it before the kernel does
  brimwatch guard --marks 1GB,2GB --summary run.json -- make -j8
                                                    a group of processes, judged as one; the account as JSON
"""
TIERS = ("warning", "critical", "emergency")


class Settings(NamedTuple):
    """What was asked for, checked."""

    config: Config
    marks: tuple[int, ...]
    summary: str | None
    grace: float


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `guard`."""
    parser = subparsers.add_parser(
        "guard",
        help="run a command under watch, pass its exit code on, sum up its memory",
        description="Run a command as a child under watch; signals and its exit code are passed through.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="brimwatch guard [options] -- COMMAND [ARGUMENT ...]",
    )
    add = parser.add_argument
    for tier in TIERS:
        add(f"--{tier}", action="append", metavar="COND", help=f"enter {tier} at any of these: rss=1GB,threads=64")
    for tier in TIERS:
        add(f"--{tier}-do", action="append", metavar="NAMES", help=f"actions of {tier}, built in or from the file")
    for tier in TIERS:
        add(f"--{tier}-signal", metavar="SIGNAL", help=f"signal sent at {tier}, after its actions (default: none)")
    add("--grace", metavar="D", help="time from a signal that ends the command to SIGKILL (default: 30s)")
    add("--policy", metavar="NAME", help="built-in policy or one from the file (default: observe)")
    add("--config.file", dest="config_file", metavar="F", help="YAML file with policies and actions")
    add("--each", action="store_true", help="judge every process by itself (default: the sum of all)")
    add("--marks", metavar="SIZES", help="sizes whose passing is told in the summary, such as 1GB,2GB")
    add("--summary", metavar="F", help="write the summary as JSON to this file, mode 0600")
    add("--progress", choices=("auto", "on", "off"), default="auto", help="what is told meanwhile (default: auto)")
    add(
        "--progress-interval", dest="progress_interval", type=duration, default=Seconds(60.0), metavar="D",
        help="time between two lines of progress (default: 60s)",
    )  # fmt: skip
    add("--interval", type=duration, metavar="D", help="longest gap between two looks (default: 250ms, or the file's)")
    add("--web.listen-address", dest="listen_address", metavar="HOST:PORT", help="serve metrics and page (default: no)")
    add(
        "--log.level", dest="log_level", choices=("debug", "info", "warning", "error"), default="warning",
        help="least severe log line written (default: %(default)s)",
    )  # fmt: skip
    add(
        "--log.format", dest="log_format", choices=("logfmt", "json", "console"), default="console",
        help="form of the log on standard error (default: %(default)s)",
    )  # fmt: skip
    add("--dry-run", action="store_true", help="decide and report, act on nothing")
    add("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code, 128 and the signal's number where it died of one, 127 or 126 for none."""
    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not words:
        raise UsageError("guard: found no command, wanted one after --: brimwatch guard --warning rss=1GB -- COMMAND")
    fill_standard()
    taken = take()
    # Before all else that is large is imported: what the fork holds now is what the kernel calls the command's peak.
    launcher = Launcher(words, taken.before)
    try:
        settings = _settings(arguments)
        return _guard(arguments, words, settings, launcher, taken)
    finally:
        launcher.abandon()


def _settings(arguments: argparse.Namespace) -> Settings:
    """Check everything that was typed. Raises UsageError or ConfigError; nothing is started."""
    from dataclasses import replace

    from brimwatch.act.kinds import ACTIONS
    from brimwatch.config.guarded import GRACE, Flags, guard_config
    from brimwatch.config.safety import read_safely

    if arguments.interval is not None and not 0.01 <= arguments.interval <= 3600:
        raise UsageError(f"--interval: found {arguments.interval:g}s, wanted 10ms to 1h")
    if arguments.progress_interval < 1:
        raise UsageError(f"--progress-interval: found {arguments.progress_interval:g}s, wanted at least 1s")
    marks = _marks(arguments.marks)
    summary = None if arguments.summary is None else _writable(os.path.abspath(arguments.summary))
    flags = Flags(
        when={tier: given for tier in TIERS if (given := getattr(arguments, tier))},
        do={tier: given for tier in TIERS if (given := getattr(arguments, f"{tier}_do"))},
        signal={tier: given for tier in TIERS if (given := getattr(arguments, f"{tier}_signal")) is not None},
        grace=arguments.grace,
        policy=arguments.policy,
        grouped=not arguments.each,
    )
    source = arguments.config_file
    content = b"{}" if source is None else read_safely(source, os.geteuid())
    config = guard_config(flags, os.getpid(), ACTIONS, content, source or "")
    config = replace(
        config, interval=arguments.interval or config.interval, dry_run=config.dry_run or arguments.dry_run
    )
    if arguments.listen_address:
        from brimwatch.web.listen import open_socket

        open_socket(arguments.listen_address).close()  # what is wrong with it is said before anything starts
    return Settings(config, marks, summary, parse_duration(arguments.grace or GRACE))


def _marks(text: str | None) -> tuple[int, ...]:
    found = []
    for part in (text or "").split(",") if text is not None else ():
        try:
            found.append(int(parse_size(part)))
        except ValueError as wanted:
            raise UsageError(f"--marks: found {part!r}, wanted {wanted}") from None
    return tuple(sorted(set(found)))


def _writable(path: str) -> str:
    """A summary that cannot be written is said before hours of work, not after."""
    folder = os.path.dirname(path)
    if os.path.islink(path) or (os.path.exists(path) and not os.path.isfile(path)):
        raise UsageError(f"--summary: found {path}, which is no plain file; wanted a file to write or its free name")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--summary: found {path}, wanted a file in a folder that may be written")
    return path


def _guard(
    arguments: argparse.Namespace, words: list[str], settings: Settings, launcher: Launcher, taken: Taken
) -> int:
    from brimwatch.runtime.guarding.course import Course
    from brimwatch.runtime.guarding.job import Job
    from brimwatch.runtime.guarding.oom import OomCount
    from brimwatch.runtime.guarding.teller import Teller

    teller, course = Teller(), Course(settings.marks)
    for notice in settings.config.notices:
        teller.say(f"note: {notice}")
    watching, missing = _watch(arguments, settings, launcher.pid, course, teller)
    adopt_orphans()
    oom = OomCount()
    job = Job(words, launcher.launch(_peak), taken, oom)
    if watching is not None:
        watching.start()
    let_go()
    ended, at = job.wait(watching), time.time()
    if watching is not None:
        job.close(watching, settings.grace)
        missing = watching.fault
    try:
        account = job.account(ended, at, course, settings.config.targets[0].policy, missing)
        _tell(account, teller, settings.summary)
    except Exception as error:  # noqa: BLE001 - the exit code is the command's, whatever becomes of our words
        teller.say(f"the summary could not be made: {error!r:.200}")
    return ended.exit_code


def _peak(pid: int) -> int:
    """The peak resident set of a process in bytes; 0 where it cannot be read."""
    from brimwatch.procfs.status import read_status

    try:
        return read_status("/proc", pid).peak_rss or 0
    except (OSError, BrimwatchError):
        return 0


def _watch(
    arguments: argparse.Namespace, settings: Settings, pid: int, course: Course, teller: Teller
) -> tuple[Watching | None, str]:
    """The watch over the process `pid`, or why there is none: the command is run all the same."""
    try:
        from brimwatch.act.spawn import is_ours
        from brimwatch.config.guarded import for_process
        from brimwatch.record.catalogue import Level
        from brimwatch.record.log import Format
        from brimwatch.runtime.guarding.teller import chosen
        from brimwatch.runtime.guarding.watching import GuardLog, Watching
        from brimwatch.runtime.options import Options

        options = Options(
            listen_address=arguments.listen_address or None,
            storage_path="",  # the folder is a daemon's: our retention would end what it keeps
            adopts=lambda child: child != pid and not is_ours(child),
        )
        return Watching(
            options=options,
            config=for_process(settings.config, pid),
            log=GuardLog(Format(arguments.log_format), Level(arguments.log_level)),
            course=course,
            teller=teller,
            progress=chosen(arguments.progress, os.isatty(2), os.isatty(1)),
            every=arguments.progress_interval,
            patience=settings.grace,
        ), ""
    except Exception as error:  # noqa: BLE001 - a fault of ours is no reason not to run the command
        teller.say(f"the watch cannot begin ({error!r:.200}); the command runs without it")
        return None, f"{error!r:.200}"


def _tell(account: Account, teller: Teller, summary: str | None) -> None:
    """Say the summary, and write it where that was asked for."""
    import json

    from brimwatch.record.account_text import json_form, lines

    for line in lines(account):
        teller.say(line, patience=1.0)
    if summary is None:
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(summary, flags, 0o600)
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(json_form(account), indent=2) + "\n")
    except OSError as error:
        teller.say(f"the summary could not be written to {summary}: {error.strerror}", patience=1.0)
