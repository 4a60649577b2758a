"""What can be scraped? The gauges of a snapshot, and what is counted while the daemon runs.

A scrape touches no target: it writes the last snapshot and says how old each sample is. Everything is called from the
loop's thread.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import Metric

from brimwatch import __version__
from brimwatch.model import Reason, Tier
from brimwatch.record.exposition import expose, negotiate
from brimwatch.record.families import pieces
from brimwatch.record.series import PIECE, Labels, Picture, Row, labelled, rows_of
from brimwatch.record.snapshot import Snapshot, TargetView
from brimwatch.record.tally import Tally
from brimwatch.record.text import label
from brimwatch.units import Bytes, Seconds

EVIDENCE = ("cgroup", "exit", "inferred")
HOOKS = 8  # hooks of a target whose claims are counted
_RUNG = ("target", "tier", "action")
_ACTION_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REACTION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SAMPLE_BUCKETS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1)


def python_version() -> str:
    """The running Python, such as 3.11.4."""
    return ".".join(str(part) for part in sys.version_info[:3])


class Metrics:
    """Everything under `/metrics`. `clock` is the monotonic clock that samples are timed with.

    Names of targets and actions are cut to 64 printable characters. `process=False` leaves the daemon's own `process_*`
    out, and `python` replaces the version shown; both are for output that must not change.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        version: str = __version__,
        python: str | None = None,
        process: bool = True,
    ) -> None:
        self._clock = clock
        self.registry = CollectorRegistry()
        self._tallies: list[Tally] = []
        self._count_tiers_and_rungs()
        self._time_and_count_itself()
        build = Gauge("brimwatch_build_info", "Always 1.", ("version", "python"), registry=self.registry)
        build.labels(version, python or python_version()).set(1)
        if process:
            ProcessCollector(registry=self.registry)

    def _count_tiers_and_rungs(self) -> None:
        self._transitions = self._tally(
            "brimwatch_target_tier_transitions_total", "Changes of tier.", ("target", "from", "to")
        )
        self._oom_kills = self._tally(
            "brimwatch_target_oom_kills_total",
            "Kills by the kernel for lack of memory: seen in the cgroup, by the exit signal, or inferred.",
            ("target", "evidence"),
        )
        self._attempts = self._tally("brimwatch_actions_total", "Rungs that were run, whatever came of it.", _RUNG)
        self._failures = self._tally(
            "brimwatch_action_failures_total", "Rungs that were run and failed.", (*_RUNG, "reason")
        )
        self._suppressed = self._tally(
            "brimwatch_actions_suppressed_total", "Rungs that were due and were not run.", (*_RUNG, "reason")
        )
        self._reclaimed = self._tally(
            "brimwatch_action_reclaimed_bytes_total",
            "Fall of resident set and swap measured around rungs. A rise adds nothing here and is told in the event.",
            _RUNG,
        )

        self._gave_way = self._tally(
            "brimwatch_gave_way_total", "Times that a member was asked because the host was short.", ("target",)
        )
        self._gave_way_bytes = self._tally(
            "brimwatch_gave_way_bytes_total",
            "Fall of resident set and swap measured where members were asked because the host was short.",
            ("target",),
        )
        self._undone = self._tally(
            "brimwatch_actions_undone_total",
            "Brakes and ceilings that were taken back, by what ended them.",
            ("target", "action", "reason"),
        )
        self._collections = self._tally(
            "brimwatch_target_python_gc_collections_total",
            "Runs of Python's garbage collector, as agents count them.",
            ("target", "generation"),
        )
        self._claimed = self._tally(
            "brimwatch_hook_claimed_bytes_total",
            "What hooks say they have freed for rungs. What counts is brimwatch_action_reclaimed_bytes_total.",
            ("target", "hook"),
        )

    def _time_and_count_itself(self) -> None:
        self._durations = Histogram(
            "brimwatch_action_duration_seconds",
            "Time from the start of a rung until what it won was measured.",
            ("action",),
            registry=self.registry,
            buckets=_ACTION_BUCKETS,
        )
        self._reactions = Histogram(
            "brimwatch_reaction_seconds",
            "Time from measuring that a threshold was crossed to starting the first rung.",
            registry=self.registry,
            buckets=_REACTION_BUCKETS,
        )
        self._looks = Histogram(
            "brimwatch_sample_duration_seconds",
            "Time one look at one subject took.",
            registry=self.registry,
            buckets=_SAMPLE_BUCKETS,
        )
        self._dropped = Counter(
            "brimwatch_series_dropped_total",
            "Series left out because a target has more members, hooks or labels than are shown.",
            registry=self.registry,
        )
        self._reload_ok = Gauge(
            "brimwatch_config_last_reload_successful",
            "1 while the configuration on disk is the one in force.",
            registry=self.registry,
        )
        self._reload_wall = Gauge(
            "brimwatch_config_last_reload_success_timestamp_seconds",
            "When a configuration was last accepted, in Unix time.",
            registry=self.registry,
        )

    def _tally(self, name: str, meaning: str, labels: tuple[str, ...]) -> Tally:
        tally = Tally(name, meaning, labels, self.registry)
        self._tallies.append(tally)
        return tally

    def declare(self, target: str, rungs: Iterable[tuple[str, str]]) -> None:
        """Let the counters that an alert watches exist at 0; `rungs` are (tier, action). May be repeated."""
        name = label(target)
        for tier, action in rungs:
            self._attempts.declare(name, tier, label(action))
            self._reclaimed.declare(name, tier, label(action))
        for tier_above in (Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY):
            self._transitions.declare(name, Tier.CALM.label, tier_above.label)
            self._transitions.declare(name, tier_above.label, Tier.CALM.label)
        for evidence in EVIDENCE:
            self._oom_kills.declare(name, evidence)

    def forget(self, target: str) -> None:
        """Drop all that was counted for a target that is gone for good (one made from a template)."""
        for tally in self._tallies:
            tally.forget(label(target))

    def knows(self, target: str) -> bool:
        """Was it declared, and not forgotten since? What is counted for any other would stay for ever."""
        return self._transitions.holds(label(target), Tier.CALM.label, Tier.WARNING.label)

    def transition(self, target: str, before: Tier, after: Tier) -> None:
        """A tier was entered or left."""
        self._transitions.add(label(target), before.label, after.label)

    def attempted(self, target: str, tier: Tier, action: str) -> None:
        """A rung was run."""
        self._attempts.add(label(target), tier.label, label(action))

    def failed(self, target: str, tier: Tier, action: str, reason: Reason) -> None:
        """A rung was run and failed."""
        self._failures.add(label(target), tier.label, label(action), reason.value)

    def suppressed(self, target: str, tier: Tier, action: str, reason: Reason) -> None:
        """A rung was due and was not run."""
        self._suppressed.add(label(target), tier.label, label(action), reason.value)

    def reclaimed(self, target: str, tier: Tier, action: str, amount: Bytes) -> None:
        """A rung was measured. A counter cannot fall: only a positive amount is added, the event tells the rest."""
        self._reclaimed.add(label(target), tier.label, label(action), amount=max(0.0, amount))

    def gave_way(self, target: str, amount: int) -> None:
        """A member was asked for the host's sake, and gave so much back."""
        self._gave_way.add(label(target))
        self._gave_way_bytes.add(label(target), amount=amount)

    def undone(self, target: str, action: str, reason: str) -> None:
        """What an action had changed was put back."""
        self._undone.add(label(target), label(action), reason)

    def collected(self, target: str, grown: Sequence[int]) -> None:
        """Python's collector ran so many times more, by generation."""
        for generation, count in enumerate(grown):
            self._collections.add(label(target), str(generation), amount=count)

    def claimed(self, target: str, claims: Mapping[str, int]) -> None:
        """Hooks say that they freed so many bytes. A target has series for `HOOKS` of them."""
        name = label(target)
        for hook, amount in claims.items():
            if self._claimed.holds(name, hook) or self._claimed.series(name) < HOOKS:
                self._claimed.add(name, hook, amount=amount)
            else:
                self.series_dropped(1)

    def oom_kill(self, target: str, evidence: str, count: int = 1) -> None:
        """The kernel killed a process of the target; `evidence` is cgroup, exit or inferred."""
        self._oom_kills.add(label(target), evidence, amount=count)

    def duration(self, action: str, seconds: Seconds) -> None:
        """A rung took this long from its start until it was measured."""
        self._durations.labels(label(action)).observe(seconds)

    def reaction(self, seconds: Seconds) -> None:
        """From the measured crossing to the start of the first rung."""
        self._reactions.observe(seconds)

    def sample_duration(self, seconds: Seconds) -> None:
        """One look took this long."""
        self._looks.observe(seconds)

    def series_dropped(self, count: int) -> None:
        """Series were left out to keep within bounds."""
        self._dropped.inc(count)

    def reload_result(self, ok: bool, wall: float) -> None:
        """A configuration was accepted or refused at `wall` (Unix seconds)."""
        self._reload_ok.set(ok)
        if ok:
            self._reload_wall.set(wall)

    async def render(self, snapshot: Snapshot, accept: str = "") -> tuple[bytes, str]:
        """Write everything in the format that the Accept header asks for: the body and its content type."""
        content_type = negotiate(accept)
        picture = await self._picture(snapshot)
        return await expose(self._families(picture), content_type), content_type

    async def _picture(self, snapshot: Snapshot) -> Picture:
        names: list[tuple[TargetView, Labels]] = []
        rows: list[Row] = []
        for target, labels in labelled(snapshot):
            names.append((target, labels))
            rows.extend(rows_of(target, labels))
            if len(names) % PIECE == 0:
                await asyncio.sleep(0)
        return Picture(snapshot, tuple(names), tuple(rows), self._clock())

    def _families(self, picture: Picture) -> Iterator[Metric]:
        yield from pieces(picture)
        yield from self.registry.collect()
