"""`BackgroundServices`: which services may run with the memory there is? Restarted at critical, stopped at emergency.

A restart gives back what a service has piled up. What is `general` goes first, then what is `important`; what is
`critical` is left alone. Once the tier has been calm for a while they start again, the most important first.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

from brimwatch.hooks.arguments import check_number
from brimwatch.hooks.block import enrol, leave
from brimwatch.hooks.following import rank
from brimwatch.hooks.process import rss
from brimwatch.hooks.registry import check_name, check_tier
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.supervised import CRITICALITIES, DISABLED, FAILED, RUNNING, Service, kept
from brimwatch.hooks.wire import BUSY, CONDITION, COOLDOWN, DEADLINE, TIERS, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

VARIABLE = "BRIMWATCH_DISABLE"  # names of services that are never started, with commas between them
_LAST = 45  # order: after caches (20), before other hooks (50)
_MOST_SECONDS = 86_400.0
_SHARE = 0.8  # of the time that a round leaves: the hooks behind want some


class BackgroundServices:
    """The background services of a program.

    `restart_at`, `stop_at`: tiers. `calm_seconds`: how long the tier has to be calm before what was stopped starts
    again, and how long a service runs at least between two restarts for memory. `stop_seconds`: how long stopping may
    take; who takes longer is left behind, and not started a second time. Raises ValueError for what cannot be.
    """

    def __init__(
        self,
        name: str = "services",
        *,
        restart_at: str = "critical",
        stop_at: str = "emergency",
        calm_seconds: float = 60.0,
        stop_seconds: float = 5.0,
    ) -> None:
        check_name(name)
        check_tier(restart_at)
        check_tier(stop_at)
        if TIERS.index(restart_at) > TIERS.index(stop_at):
            raise ValueError(f"BackgroundServices: found restart_at={restart_at!r}, wanted not above {stop_at!r}")
        self._calm = _seconds("calm_seconds", calm_seconds)
        self._patience = _seconds("stop_seconds", stop_seconds)
        self.name, self._restart_at, self._stop_at = name, restart_at, stop_at
        self._services: dict[str, Service] = {}
        self._restarted: dict[str, float] = {}  # for memory, when
        self._tier = TIERS[0]
        self._disabled = disabled_names(os.environ)
        self.lock = threading.RLock()
        self._turn = threading.Lock()  # one round at a time
        enrol(self, name, restart_at, _LAST)
        atexit.register(self.stop)

    def add(
        self,
        name: str,
        run: Callable[[threading.Event], Any] | str | None = None,
        *,
        start: Callable[[], Any] | None = None,
        stop: Callable[[], Any] | None = None,
        alive: Callable[[], Any] | None = None,
        criticality: str = "general",
        size: Callable[[], Any] | None = None,
    ) -> Service:
        """Know a service; `start()` starts it.

        `run(stop)`: does the work until the event `stop` is set, on a thread of ours; as `'module:name'` it is
        imported when it starts. Or `start()` and `stop()` of something with threads of its own, and `alive()`, asked
        once a second. `size()`: bytes that it holds. Raises ValueError for what cannot be, or a name that is taken.
        """
        check_name(name)
        if criticality not in CRITICALITIES:
            wanted = ", ".join(reversed(CRITICALITIES))
            raise ValueError(f"BackgroundServices: found the criticality {criticality!r:.80}, wanted one of {wanted}")
        service = Service(name, _runnable(run, start, stop, alive), criticality, size)
        if name in self._disabled:
            service.state = DISABLED
        with self.lock:
            if name in self._services:
                raise ValueError(f"BackgroundServices: found {name} twice, wanted one service of a name")
            self._services[name] = service
        return service

    def start(self, *names: str) -> list[str]:
        """Start those named, or all, the most important first; names of those that begin to run."""
        services = self._in_order(names)[::-1]
        for service in services:
            service.for_memory = False
        return [service.name for service in services if service.start()]

    def stop(self, *names: str, seconds: float | None = None) -> list[str]:
        """Stop those named, or all; names of those that did not end in time. They are not started by themselves."""
        return self._stop(self._in_order(names), self._patience if seconds is None else seconds)

    def close(self) -> None:
        """Stop them all, and follow no tier any more."""
        leave(self)
        atexit.unregister(self.stop)
        self.stop()

    def status(self) -> dict[str, dict[str, Any]]:
        """Each service: state, criticality, crashes, restarts, the last fault, and for how long it has run."""
        now = time.monotonic()
        return {
            service.name: {
                "state": service.state,
                "criticality": service.criticality,
                "crashes": service.crashes,
                "restarts": service.restarts,
                "fault": service.fault,
                "running_seconds": None if service.began is None else max(0.0, now - service.began),
                "stopped_for_memory": service.for_memory,
            }
            for service in self._in_order(())
        }

    def shrink(self, request: Request) -> int | None:
        """The hook: restarts at `restart_at`, stops at `stop_at`; the bytes by which the resident set fell.

        Ends early once enough came back, except in an emergency. Raises Skip where nothing was to be done.
        """
        if not self._turn.acquire(False):
            raise Skip(BUSY, "services are being stopped already")
        try:
            before = rss()
            stopping = TIERS.index(request.tier) >= TIERS.index(self._stop_at)
            done, late = self._relieve(request, stopping)
            after = rss()
        finally:
            self._turn.release()
        if late and len(late) == len(done):
            raise Skip(DEADLINE, f"did not stop in time: {', '.join(late)}")
        if not done:
            running = any(service.state == RUNNING for service in self._expendable())
            raise Skip(COOLDOWN if running else CONDITION, "no service to stop or restart now")
        return None if before is None or after is None else max(0, before - after)

    def tier_changed(self, tier: str) -> None:
        """Once it is calm, what was stopped starts again after `calm_seconds`."""
        self._tier = tier
        calm = TIERS.index(tier) < TIERS.index(self._restart_at)
        for service in [one for one in self._in_order(())[::-1] if one.for_memory]:
            if calm:
                service.start(self._calm)
            elif service.state != RUNNING:
                service.tell_to_stop(for_memory=True)  # it was waiting for the calm to last

    follow = tier_changed

    def size_bytes(self) -> int:
        """Bytes that the services say they hold, and those of the table."""
        sizes = [service.size() for service in self._in_order(()) if service.size is not None and not service.stopped]
        return sys.getsizeof(self._services) + sum(int(size) for size in sizes if size is not None)

    def info(self) -> dict[str, int]:
        """How many there are in which state, and crashes and restarts."""
        services = self._in_order(())
        states = [service.state for service in services]
        return {
            "running": states.count(RUNNING),
            "disabled": states.count(DISABLED),
            "failed": states.count(FAILED),
            "stopped_for_memory": sum(service.for_memory for service in services),
            "crashes": sum(service.crashes for service in services),
            "restarts": sum(service.restarts for service in services),
        }

    def after_fork(self, _intact: bool) -> None:
        """In the child: no service runs. `start()` starts them there, too."""
        self._turn = threading.Lock()
        for service in self._services.values():
            service.after_fork()

    def _relieve(self, request: Request, stopping: bool) -> tuple[list[str], list[str]]:
        """Names of those that were stopped, and of those that did not end in time."""
        done: list[str] = []
        late: list[str] = []
        for criticality in CRITICALITIES[:-1]:
            wanted = [one for one in self._expendable() if one.criticality == criticality and not one.stopped]
            if not stopping:
                wanted = [one for one in wanted if one.state == RUNNING and self._rested(one)]
            if not wanted or request.enough():
                continue
            late += self._stop(wanted, min(self._patience, request.seconds_left() * _SHARE), stopping)
            done += [one.name for one in wanted]
            now = time.monotonic()
            for service in wanted:
                self._restarted[service.name] = now
                service.restarts += not stopping
        calm = rank(self._tier) < rank(self._restart_at)
        for service in self._in_order(tuple(done))[::-1]:
            if not stopping or calm:  # calm: asked by hand, and nobody will tell us that it is over
                service.start(self._calm if stopping else 0.0)
        return done, late

    def _rested(self, service: Service) -> bool:
        at = self._restarted.get(service.name)
        return at is None or time.monotonic() - at >= self._calm

    def _expendable(self) -> list[Service]:
        return [service for service in self._in_order(()) if service.criticality != CRITICALITIES[-1]]

    def _in_order(self, names: tuple[str, ...]) -> list[Service]:
        """Those named, or all, in the order in which they are stopped. Raises ValueError for a name there is not."""
        with self.lock:
            unknown = [name for name in names if name not in self._services]
            if unknown:
                raise ValueError(f"BackgroundServices: found {unknown[0]!r:.80}, wanted one of {list(self._services)}")
            services = [service for service in self._services.values() if not names or service.name in names]
        return sorted(services, key=_rank)

    def _stop(self, services: list[Service], seconds: float, for_memory: bool = False) -> list[str]:
        """All of them together have that long; names of those that did not end in time."""
        end = time.monotonic() + seconds
        for service in services:
            service.tell_to_stop(for_memory)
        return [service.name for service in services if not service.wait(end - time.monotonic())]


def disabled_names(environment: Mapping[str, str]) -> frozenset[str]:
    """The names in `BRIMWATCH_DISABLE`; what can be no name is passed over."""
    names = (name.strip() for name in environment.get(VARIABLE, "").split(","))
    return frozenset(name for name in names if is_name(name))


def _rank(service: Service) -> int:
    return CRITICALITIES.index(service.criticality)


def _runnable(run: Any, start: Any, stop: Any, alive: Any) -> Any:
    named = isinstance(run, str) and all(run.partition(":"))
    if run is not None and start is None and stop is None and alive is None and (callable(run) or named):
        return run
    if run is None and callable(start) and callable(stop) and (alive is None or callable(alive)):
        return kept(start, stop, alive)
    raise ValueError(
        "BackgroundServices: wanted either run, a function of one argument or 'module:name', or start and stop"
    )


def _seconds(name: str, value: object) -> float:
    return float(check_number(f"BackgroundServices: {name}", value, 0, _MOST_SECONDS))
