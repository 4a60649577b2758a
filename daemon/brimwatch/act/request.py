"""What is an action asked to do? One attempt, on these processes, within this time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from brimwatch.act.undo import Brakes
from brimwatch.config.nodes import Node
from brimwatch.model import Action, Attempt, ProcessId, Tier
from brimwatch.units import Bytes, Seconds

if TYPE_CHECKING:
    from brimwatch.agent.client import Caller
    from brimwatch.agent.figures import Reclaimed

Finding = Mapping[str, object]  # one line of an artefact: plain values that JSON has
Keep = Callable[[Sequence[Finding]], str]  # adds lines to the artefact of the event at hand; returns the file's name


class Recipient(NamedTuple):
    """A process to act on. `pidfd` is held by the caller and refers to exactly this process."""

    process: ProcessId
    pidfd: int
    comm: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt of one rung. `facts` are what an executed command finds in its environment (BRIMWATCH_*).

    `keep` takes evidence; None where nothing is stored.
    """

    target: str
    action: Action
    tier: Tier
    recipients: tuple[Recipient, ...]
    deadline: Seconds  # from now
    needed: Bytes | None = None
    severity: float = 0.0  # share of the limit in use, 0 to 1; 0 where no limit is known
    because: str = ""
    facts: Mapping[str, str] | None = None
    procfs: str = "/proc"
    family: frozenset[int] = frozenset()  # PIDs of all processes of the target, for what acts on a whole cgroup
    brakes: Brakes | None = None  # who keeps the undo records of what is changed
    keep: Keep | None = None
    agents: Caller | None = None  # who speaks to the agents inside processes
    heard: Callable[[Reclaimed], None] | None = None  # is told what an agent answered
    exceeded: float | None = None  # value / threshold of the condition that is exceeded most; 1 is just reached
    parallel: int = 1  # members that may be acted on at once


class Traits(NamedTuple):
    """What a kind's `parse` found: its own options, and how the ladder must treat the rung."""

    options: object
    cooperative: bool = False
    ends_process: bool = False
    tells: bool = False


class ActionKind(Protocol):
    """What a module offers to be a kind of action.

    A kind may also offer `NOTICE`, a sentence about it for whoever checks a configuration, `notices(options)`, such
    sentences about one action, `longest(options)`, the seconds that one attempt can take: a deadline below that cuts it
    short, and `describe(options)`, what an attempt would do, for whoever rehearses it.
    """

    @property
    def KEYS(self) -> frozenset[str]:  # noqa: N802 - a constant of the module
        """The keys of an action that `parse` reads, the kind's own name among them."""

    def parse(self, node: Node) -> Traits | None:
        """Read a whole action such as `{signal: SIGTERM, grace: 30s}`; after a fault was added to it, return None."""

    async def run(self, request: Request) -> Attempt:
        """Make one attempt. Raises nothing but CancelledError: every failure is in the Attempt."""
