"""How is the demonstration told? One line for each thing that happens, a bar in between, a summary at the end."""

from __future__ import annotations

import asyncio
import time

from brimwatch.model import Tier
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Recorded
from brimwatch.record.sentences import sentence
from brimwatch.runtime.engine import Engine
from brimwatch.units import format_bytes

BAR = 40  # characters
BEAT = 0.05  # seconds between two looks at the story
BAR_EVERY = 1.0  # seconds between two bars
AFTERWARDS = 1.5  # seconds that calm is shown before the end
SHOWN = {
    Name.TIER_ENTERED, Name.TIER_LEFT, Name.ACTION_RAN, Name.ACTION_FAILED, Name.ACTION_SUPPRESSED, Name.TARGET_LOST,
}  # fmt: skip
STORY_METRICS = (
    "brimwatch_target_up", "brimwatch_target_resident_memory_bytes", "brimwatch_target_peak_resident_memory_bytes",
    "brimwatch_target_tier{", "brimwatch_actions_total", "brimwatch_action_reclaimed_bytes_total",
    "brimwatch_actions_suppressed_total", "brimwatch_hook_claimed_bytes_total",
)  # fmt: skip


class Narrator:
    """Follows the daemon's events and tells them as they come; `limit` in bytes, `duration` in seconds."""

    def __init__(self, limit: int, duration: float, address: str) -> None:
        self._limit = limit
        self._duration = duration
        self._address = address
        self._begin = time.monotonic()
        self._events: list[Recorded] = []
        self._highest = Tier.CALM
        self._peak = 0.0
        self._last: float | None = None
        self._reclaimed: list[tuple[str, int]] = []
        self._metrics: list[str] = []
        self._reaction = ""
        self._rescued = False

    def introduce(self, pid: int, rate: float, config: str) -> None:
        """Say what is about to happen."""
        print(f"A process that leaks: pid {pid} takes {format_bytes(rate)} a second and gives nothing back unasked.")
        print(f"At {format_bytes(self._limit)} somebody would have to be woken. Brimwatch watches it with this file:\n")
        print("".join(f"    {line}\n" for line in config.splitlines()))
        print(f"Live page: http://{self._address}/    Prometheus: http://{self._address}/metrics\n", flush=True)

    async def tell(self, engine: Engine) -> None:
        """Tell until the process was brought back from an emergency, is gone, or the time is over."""
        unsubscribe = engine.events.subscribe(self._events.append)
        calm_since, next_bar = None, 0.0
        try:
            while time.monotonic() - self._begin < self._duration:
                await asyncio.sleep(BEAT)
                now = time.monotonic()
                self._look(engine)
                self._tell_events()
                if now >= next_bar:
                    next_bar = now + BAR_EVERY
                    self._bar()
                tier = engine.membership.targets["demo"].subjects
                calm = bool(tier) and all(subject.tier is Tier.CALM for subject in tier.values())
                calm_since = (calm_since or now) if calm and self._highest is Tier.EMERGENCY else None
                if not tier or (calm_since is not None and now - calm_since > AFTERWARDS):
                    self._rescued = calm_since is not None
                    break
        finally:
            unsubscribe()
        body, _ = await engine.metrics.render(engine.snapshot(), "")
        self._metrics = [line for line in body.decode().splitlines() if line.startswith(STORY_METRICS)]

    def conclude(self) -> int:
        """Print the summary; returns the exit code."""
        print("\nWhat /metrics says of it:\n")
        print("".join(f"    {line}\n" for line in self._metrics))
        won = sum(amount for _, amount in self._reclaimed)
        by = ", ".join(f"{action} {format_bytes(amount)}" for action, amount in self._reclaimed)
        print(f"Summary: peak {format_bytes(self._peak)} of {format_bytes(self._limit)}, ", end="")
        print(f"highest tier {self._highest.label}, won back {format_bytes(won)} ({by or 'no action ran'}).")
        if self._rescued:
            print("The process lives, and nobody was woken. Next: brimwatch run --help, README.md")
            return 0
        print(
            "It was not brought back from an emergency in the time given: try a longer --duration or a higher --rate."
        )
        return 1

    def _look(self, engine: Engine) -> None:
        for subject in engine.membership.targets["demo"].subjects.values():
            self._highest = max(self._highest, subject.tier)
            if subject.sample is not None:
                self._last = subject.sample.value(Quantity.RSS)
                self._peak = max(self._peak, subject.peak)  # of all looks; ours see one each 50 ms

    def _tell_events(self) -> None:
        for recorded in self._events:
            event = recorded.event
            if event.name in SHOWN:
                self._line(event.wall - time.time(), sentence(event), event.name)
            won = event.facts.get("reclaimed_bytes")
            if event.name is Name.ACTION_RAN and isinstance(won, int):
                self._reclaimed.append((str(event.facts["action"]), won))
        self._events.clear()

    def _line(self, ago: float, text: str, name: Name) -> None:
        mark = {Name.TIER_ENTERED: "!", Name.ACTION_RAN: "*", Name.TIER_LEFT: "-"}.get(name, " ")
        print(f"{self._clock(ago)} {mark} {text}", flush=True)

    def _bar(self) -> None:
        if self._last is None:
            return
        filled = min(BAR, round(BAR * self._last / self._limit))
        print(f"{self._clock()}   [{'#' * filled}{'.' * (BAR - filled)}] {format_bytes(self._last)}", flush=True)

    def _clock(self, ago: float = 0.0) -> str:
        return f"{max(0.0, time.monotonic() - self._begin + ago):5.1f}s"
