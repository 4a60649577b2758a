"""What does a configuration mean, or what is wrong with it?"""

from __future__ import annotations

import argparse
import sys

from brimwatch.act.kinds import ACTIONS
from brimwatch.agent.places import doubt_run_dir
from brimwatch.config.load import load_file
from brimwatch.config.settings import Config, Match, PodMatch, TargetSpec
from brimwatch.errors import ConfigError
from brimwatch.units import format_duration

TARGETS_SHOWN = 50
EXAMPLE = """example:
  brimwatch check-config brimwatch.yaml && kill -HUP $(pgrep -f 'brimwatch run')
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `check-config`."""
    parser = subparsers.add_parser(
        "check-config",
        help="say what a configuration means, or everything that is wrong with it",
        description="Read a configuration as the daemon would. Exit code 0: fine; 2: every fault is on standard error.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="F", help="the YAML file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was understood, or every fault."""
    try:
        config = load_file(arguments.file, ACTIONS)
    except ConfigError as error:
        print("\n".join(error.faults), file=sys.stderr)
        count = len(error.faults)
        print(f"{arguments.file}: {count} fault{'s' if count != 1 else ''}", file=sys.stderr)
        return error.exit_code
    print("\n".join(describe(config)))
    return 0


def describe(config: Config) -> list[str]:
    """What was understood, a line for each target."""
    mode = ", dry run: nothing is acted on" if config.dry_run else ""
    plural = "" if len(config.targets) == 1 else "s"
    lines = [f"ok: {len(config.targets)} target{plural}, looked at every {format_duration(config.interval)}{mode}"]
    lines += [_target(spec) for spec in config.targets[:TARGETS_SHOWN]]
    if len(config.targets) > TARGETS_SHOWN:
        lines.append(f"  ... and {len(config.targets) - TARGETS_SHOWN} more")
    lines += [f"note: {notice}" for notice in config.notices]
    doubt = doubt_run_dir(config.run_dir)
    if doubt is not None:
        lines.append(f"note: run_dir {config.run_dir} {doubt}; agents pass it over for other places, see docs/hooks.md")
    return lines


def _target(spec: TargetSpec) -> str:
    ladders = []
    for rule in spec.policy.tiers:
        rungs = [action.name for action in (*rule.tell, *rule.do)]
        ladders.append(f"{rule.tier.label} -> {', '.join(rungs) if rungs else 'observe'}")
    judged = "as one group" if spec.grouped else "each process"
    judged = "the machine" if spec.match.host else judged
    tiers = "; ".join(ladders) or "no tiers"
    return f"  {spec.name}: {_match(spec.match)} ({judged}), policy {spec.policy.name}: {tiers}"


def _match(match: Match) -> str:
    parts = []
    for key in ("pid", "pidfile", "name", "exe", "user", "cgroup", "unit", "container", "agent"):
        value = getattr(match, key)
        if value is not None:
            parts.append(f"{key} {value}")
    if match.cmdline is not None:
        parts.append(f"cmdline ~ {match.cmdline.pattern}")
    if match.pod is not None:
        parts.append(_pod(match.pod))
    if match.host:
        parts.append("host")
    if match.children:
        parts.append("with children")
    if match.exclude is not None:
        parts.append(f"not ({_match(match.exclude)})")
    return " and ".join(parts)


def _pod(pod: PodMatch) -> str:
    parts = [f"{key} {value}" for key in ("namespace", "name", "container", "qos") if (value := getattr(pod, key))]
    parts += [f"label {key}={value}" for key, value in pod.labels]
    return f"pod ({' and '.join(parts)})" if parts else "any pod"
