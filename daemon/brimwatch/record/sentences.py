"""How is an event told in one line, so that a person knows what was done and why?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from brimwatch.core.settle import GIVEN_UP
from brimwatch.model import Reason
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event
from brimwatch.record.sentences_kept import KEPT
from brimwatch.record.text import escaped
from brimwatch.record.wording import ENDINGS, Facts, bytes_of, join, maybe, show, time_of
from brimwatch.units import format_bytes

LONGEST = 500
REASONS: Mapping[Reason, str] = {
    Reason.COOLDOWN: "the ladder was climbed a short time ago",
    Reason.DRY_RUN: "dry run",
    Reason.NO_HANDLER: "the process does not catch this signal and would die of it",
    Reason.RUNTIME_RESERVED: "its runtime keeps this signal for itself",
    Reason.NO_AGENT: "no agent answers in the process",
    Reason.BUSY: "another one is at work on it",
    Reason.VANISHED: "the process was gone",
    Reason.DENIED: "permission denied",
    Reason.DEADLINE: "it took too long",
    Reason.SUPERSEDED: "a higher tier took over",
    Reason.WOULD_UNSHARE: "it would copy pages that forked workers share",
    Reason.UNSUPPORTED: "not supported here",
    Reason.BUDGET: "it has run as often as it may for now",
    Reason.PROTECTED: "the process is protected",
    Reason.PARENT: "it is the parent of other members",
    Reason.CONDITION: "its measured condition does not hold",
    Reason.CURED: "the tier is cured already",
    Reason.NO_EFFECT: "it was measured a moment ago and bought no time",
    Reason.NOT_LARGEST: "another member is larger",
    Reason.WAITING: "others of the target are asked first",
    Reason.NOT_FOUND: "nothing of that name was found",
    Reason.EXIT_CODE: "the command failed",
    Reason.RELOADED: "the configuration changed meanwhile",
    Reason.STOPPED: "Brimwatch was stopping",
    Reason.ERROR: "an error",
}


def sentence(event: Event) -> str:
    """Tell an event in one printable line of at most 500 characters."""
    who = event.target or ""
    if who and event.member is not None:
        who = f"{who}#{event.member}"
    return escaped(_TELL[event.name](who, event.facts), LONGEST)


def _crossings(facts: Facts) -> str:
    told = []
    for signal in filter(None, str(facts.get("signals", "")).split(",")):
        quantity = Quantity(signal)
        ending = ENDINGS[quantity.kind]
        value, threshold = facts.get(signal + ending), facts.get(f"{signal}_threshold{ending}")
        if value is None or threshold is None:
            continue
        sign = "<=" if quantity.inverted else ">="
        told.append(f"{signal} {show(signal, value)} {sign} {show(signal, threshold)}")
    return " and ".join(told)


def _outlook(facts: Facts) -> str:
    """Limit, growth and time left, where the crossing itself has not said them."""
    said = str(facts.get("signals", "")).split(",")
    limit, growth = bytes_of(facts, "limit_bytes"), facts.get("growth_bytes_per_second")
    growing = isinstance(growth, int | float) and growth > 0 and "growth" not in said
    left = None if "time_to_limit" in said else time_of(facts, "time_to_limit_seconds")
    pace = join(f"growing {bytes_of(facts, 'growth_bytes_per_second')}/s" if growing else None, maybe("about ", left))
    whose = "machine" if facts.get("limit_source") == "machine" else "limit"
    return join(maybe(f"{whose} ", limit), f"{pace} left" if left else pace, by="; ")


def _tier_entered(who: str, facts: Facts) -> str:
    because = join(_crossings(facts), _outlook(facts), by="; ")
    return join(f"{who} entered {facts.get('after', '?')}", because, by=": ")


def _tier_left(who: str, facts: Facts) -> str:
    held, resident = time_of(facts, "held_seconds"), bytes_of(facts, "rss_bytes")
    after = facts.get("after", "calm")
    told = f"{who} left {facts.get('before', '?')} for {after}" + (f" after {held}" if held else "")
    return join(told, f"rss {resident}" if resident else None, by=": ")


def _rung(facts: Facts) -> str:
    rung, rungs = facts.get("rung", 0), facts.get("rungs")
    place = "telling" if rung == 0 else f"rung {rung} of {rungs}" if rungs else f"rung {rung}"
    return f"{facts.get('action', '?')} ({join(place, str(facts.get('tier', '')))})"


def _won(facts: Facts) -> str:
    reclaimed, claimed = facts.get("reclaimed_bytes"), bytes_of(facts, "claimed_bytes")
    claim = f" (claims {claimed})" if claimed else ""
    if reclaimed is None or isinstance(reclaimed, str):
        return "ran" + claim
    if reclaimed > 0:
        return f"won back {format_bytes(reclaimed)}{claim}"
    grew = f": {format_bytes(-reclaimed)} more than before" if reclaimed < 0 else ""
    return f"won nothing back{grew}{claim}"


def _action_ran(who: str, facts: Facts) -> str:
    took, detail = time_of(facts, "duration_seconds"), facts.get("detail")
    told = f"{who}: {_rung(facts)} {_won(facts)}" + (f" in {took}" if took else "")
    return join(told, str(detail) if detail else None, by="; ")


def _why(facts: Facts, detailed: bool = True) -> str:
    reason, detail = str(facts.get("reason", "")), facts.get("detail") if detailed else None
    meaning = REASONS[Reason(reason)] if reason in Reason.__members__.values() else None
    return join(join(reason, str(detail) if detail else meaning, by=" - "))


def _action_suppressed(who: str, facts: Facts) -> str:
    rest = facts.get("rest")
    if facts.get("detail") == GIVEN_UP:  # what was begun was run, if not to its end
        return f"{who}: {_rung(facts)} was given up: {_why(facts, detailed=False)}"
    told = f"{who}: {_rung(facts)} was not run: {_why(facts)}{maybe('; again in ', time_of(facts, 'wait_seconds'))}"
    return join(told, f"then would have come {rest}" if rest else None, by="; ")


def _action_failed(who: str, facts: Facts) -> str:
    took = time_of(facts, "duration_seconds")
    return (
        f"{who}: {_rung(facts)} failed"
        + (f" after {took}" if facts.get("duration_seconds") else "")
        + f": {_why(facts)}"
    )


def _undone(told: str) -> Callable[[str, Facts], str]:
    def tell(who: str, facts: Facts) -> str:
        held = maybe(" after ", time_of(facts, "held_seconds"))
        what = join(who or None, str(facts.get("action", "a change")), by=": ")
        return join(
            f"{what} {told}{held} ({facts.get('reason', '?')})", maybe("", facts.get("detail")) or None, by=": "
        )

    return tell


def _limit_changed(who: str, facts: Facts) -> str:
    before, limit = bytes_of(facts, "before_bytes") or "none", bytes_of(facts, "limit_bytes") or "none"
    return f"{who}: limit changed from {before} to {limit}" + (f" ({facts['source']})" if "source" in facts else "")


def _oom_killed(who: str, facts: Facts) -> str:
    evidence, count = facts.get("evidence", "?"), facts.get("count", 1)
    process = f" (pid {facts['pid']})" if "pid" in facts else ""
    times = "" if count == 1 else f" {count} times"
    return f"{who}: the kernel killed a process{process} for lack of memory{times}; evidence: {evidence}"


def _autopsy(who: str, facts: Facts) -> str:
    from brimwatch.record.autopsy_told import autopsy_sentence  # loaded with the first kill only

    return autopsy_sentence(who, facts)


def _config(told: str) -> Callable[[str, Facts], str]:
    def tell(_: str, facts: Facts) -> str:
        targets = facts.get("targets")
        entries = None if targets is None else f"{targets} target{'' if targets == 1 else 's'}"
        return join(f"configuration {told}: {facts.get('source', '?')}", entries)

    return tell


def _rejected(what: str) -> Callable[[str, Facts], str]:
    def tell(_: str, facts: Facts) -> str:
        faults, detail = facts.get("faults", 1), facts.get("detail")
        count = "1 fault" if faults == 1 else f"{faults} faults"
        told = f"{what} refused, the last good one stays in force: {facts.get('source', '?')}: {count}"
        return join(told, str(detail) if detail else None)

    return tell


_TELL: Mapping[Name, Callable[[str, Facts], str]] = {
    **KEPT,
    Name.DAEMON_STARTED: lambda _, facts: join(
        f"Brimwatch {facts.get('version', '')} started",
        "dry run: nothing is acted on" if facts.get("dry_run") else None,
        "the last run crashed" if facts.get("last_run") == "crashed" else None,
        maybe("see ", facts.get("address")),
        by="; ",
    ),
    Name.DAEMON_STOPPED: lambda _, facts: join(
        f"Brimwatch stopped{maybe(' after ', time_of(facts, 'uptime_seconds'))}",
        maybe("", facts.get("reason")),
        by=": ",
    ),
    Name.TARGET_FOUND: lambda who, facts: (
        f"{who} found{maybe(': processes ', facts.get('processes'))}{maybe(', policy ', facts.get('policy'))}"
    ),
    Name.TARGET_LOST: lambda who, facts: f"{who} lost: nothing matches any more{maybe('; ', facts.get('reason'))}",
    Name.MEMBER_FOUND: lambda who, facts: f"{who} is pid {facts.get('pid', '?')}{maybe(' ', facts.get('comm'))}",
    Name.MEMBER_LOST: lambda who, facts: (
        f"{who} (pid {facts.get('pid', '?')}{maybe(' ', facts.get('comm'))}) is gone"
        f"{maybe('; last rss ', bytes_of(facts, 'rss_bytes'))}"
    ),
    Name.TIER_ENTERED: _tier_entered,
    Name.TIER_LEFT: _tier_left,
    Name.ACTION_RAN: _action_ran,
    Name.ACTION_SUPPRESSED: _action_suppressed,
    Name.ACTION_FAILED: _action_failed,
    Name.ACTION_UNDONE: _undone("was taken back"),
    Name.UNDO_FAILED: _undone("could not be taken back"),
    Name.RUN_DIR_WARNED: lambda _, facts: f"run_dir: {facts.get('detail', '?')}",
    Name.LIMIT_CHANGED: _limit_changed,
    Name.OOM_KILLED: _oom_killed,
    Name.AUTOPSY: _autopsy,
    Name.ARTEFACT_FAILED: lambda _, facts: join(
        f"evidence could not be written{maybe(' to ', facts.get('artefact'))}", str(facts.get("detail", "")), by=": "
    ),
    Name.COLLECTOR_BLIND: lambda who, facts: (
        f"{who or 'discovery'}: {facts.get('collector', '?')} cannot be read{maybe(': ', facts.get('detail'))}"
    ),
    Name.COLLECTOR_RECOVERED: lambda who, facts: (
        f"{who or 'discovery'}: {facts.get('collector', '?')} can be read again"
        f"{maybe(' after ', time_of(facts, 'blind_seconds'))}"
    ),
    Name.CONFIG_LOADED: _config("read"),
    Name.CONFIG_RELOADED: _config("in force"),
    Name.CONFIG_REJECTED: _rejected("configuration"),
    Name.SLOTS_EXHAUSTED: lambda who, facts: (
        f"{who} has {facts.get('processes', '?')} processes and {facts.get('slots', '?')} slots;"
        " the rest are watched, but have no series"
    ),
    Name.DESCRIPTORS_EXHAUSTED: lambda _, facts: (
        f"no more files can be held open{maybe(': the limit is ', facts.get('limit'))}; looking costs more now"
    ),
    Name.WATCH_STALLED: lambda _, facts: f"looks come late{maybe(' by ', time_of(facts, 'late_seconds'))}",
    Name.WATCH_RESUMED: lambda _, facts: (
        f"looks are in time again{maybe(' after ', time_of(facts, 'stalled_seconds'))}"
    ),
    Name.INTERNAL_FAULT: lambda _, facts: (
        f"a fault of Brimwatch itself in {facts.get('place', '?')}{maybe(': ', facts.get('detail'))}"
    ),
    Name.WEB_CONFIG_RELOADED: lambda _, facts: f"web configuration in force: {facts.get('source', '?')}",
    Name.WEB_CONFIG_REJECTED: _rejected("web configuration"),
    Name.WEB_WARNED: lambda _, facts: f"web: {facts.get('detail', '?')}",
}
