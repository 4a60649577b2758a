"""How is an event told in one line, so that a person knows what was done and why?"""

from collections.abc import Callable, Mapping

from brimwatch.model import Reason
from brimwatch.quantity import Kind, Quantity
from brimwatch.record.events import Event, Fact, Name
from brimwatch.record.text import escaped
from brimwatch.units import format_bytes, format_duration, format_ratio

LONGEST = 500
ENDINGS: Mapping[Kind, str] = {
    Kind.BYTES: "_bytes",
    Kind.RATE: "_bytes_per_second",
    Kind.RATIO: "_ratio",
    Kind.COUNT: "",
    Kind.DURATION: "_seconds",
}
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
    Reason.NOT_LARGEST: "another member is larger",
    Reason.NOT_FOUND: "nothing of that name was found",
    Reason.EXIT_CODE: "the command failed",
    Reason.RELOADED: "the configuration changed meanwhile",
    Reason.STOPPED: "Brimwatch was stopping",
    Reason.ERROR: "an error",
}
Facts = Mapping[str, Fact]


def sentence(event: Event) -> str:
    """Tell an event in one printable line of at most 500 characters."""
    who = event.target or ""
    if who and event.member is not None:
        who = f"{who}#{event.member}"
    return escaped(_TELL[event.name](who, event.facts), LONGEST)


def show(signal: str, value: Fact) -> str:
    """Show a value in the unit of its quantity."""
    if isinstance(value, str):
        return value
    kind = Quantity(signal).kind
    if kind is Kind.BYTES:
        return format_bytes(value)
    if kind is Kind.RATE:
        return f"{format_bytes(value)}/s"
    if kind is Kind.RATIO:
        return format_ratio(value)
    return format_duration(value) if kind is Kind.DURATION else f"{value:.0f}"


def _bytes(facts: Facts, key: str) -> str | None:
    value = facts.get(key)
    return None if value is None or isinstance(value, str) else format_bytes(value)


def _time(facts: Facts, key: str) -> str | None:
    value = facts.get(key)
    return None if value is None or isinstance(value, str) else format_duration(value)


def _join(*parts: str | None, by: str = ", ") -> str:
    return by.join(part for part in parts if part)


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
    limit, growth = _bytes(facts, "limit_bytes"), facts.get("growth_bytes_per_second")
    growing = isinstance(growth, int | float) and growth > 0 and "growth" not in said
    left = None if "time_to_limit" in said else _time(facts, "time_to_limit_seconds")
    pace = _join(f"growing {_bytes(facts, 'growth_bytes_per_second')}/s" if growing else None, _maybe("about ", left))
    return _join(_maybe("limit ", limit), f"{pace} left" if left else pace, by="; ")


def _tier_entered(who: str, facts: Facts) -> str:
    because = _join(_crossings(facts), _outlook(facts), by="; ")
    return _join(f"{who} entered {facts.get('after', '?')}", because, by=": ")


def _tier_left(who: str, facts: Facts) -> str:
    held, resident = _time(facts, "held_seconds"), _bytes(facts, "rss_bytes")
    after = facts.get("after", "calm")
    told = f"{who} left {facts.get('before', '?')} for {after}" + (f" after {held}" if held else "")
    return _join(told, f"rss {resident}" if resident else None, by=": ")


def _rung(facts: Facts) -> str:
    rung, rungs = facts.get("rung", 0), facts.get("rungs")
    place = "telling" if rung == 0 else f"rung {rung} of {rungs}" if rungs else f"rung {rung}"
    return f"{facts.get('action', '?')} ({_join(place, str(facts.get('tier', '')))})"


def _won(facts: Facts) -> str:
    reclaimed, claimed = facts.get("reclaimed_bytes"), _bytes(facts, "claimed_bytes")
    claim = f" (claims {claimed})" if claimed else ""
    if reclaimed is None or isinstance(reclaimed, str):
        return "ran" + claim
    if reclaimed > 0:
        return f"won back {format_bytes(reclaimed)}{claim}"
    grew = f": {format_bytes(-reclaimed)} more than before" if reclaimed < 0 else ""
    return f"won nothing back{grew}{claim}"


def _action_ran(who: str, facts: Facts) -> str:
    took, detail = _time(facts, "duration_seconds"), facts.get("detail")
    told = f"{who}: {_rung(facts)} {_won(facts)}" + (f" in {took}" if took else "")
    return _join(told, str(detail) if detail else None, by="; ")


def _why(facts: Facts) -> str:
    reason, detail = str(facts.get("reason", "")), facts.get("detail")
    meaning = REASONS[Reason(reason)] if reason in Reason.__members__.values() else None
    return _join(_join(reason, str(detail) if detail else meaning, by=" - "))


def _action_suppressed(who: str, facts: Facts) -> str:
    rest = facts.get("rest")
    told = f"{who}: {_rung(facts)} was not run: {_why(facts)}"
    return _join(told, f"then would have come {rest}" if rest else None, by="; ")


def _action_failed(who: str, facts: Facts) -> str:
    took = _time(facts, "duration_seconds")
    return (
        f"{who}: {_rung(facts)} failed"
        + (f" after {took}" if facts.get("duration_seconds") else "")
        + f": {_why(facts)}"
    )


def _limit_changed(who: str, facts: Facts) -> str:
    before, limit = _bytes(facts, "before_bytes") or "none", _bytes(facts, "limit_bytes") or "none"
    return f"{who}: limit changed from {before} to {limit}" + (f" ({facts['source']})" if "source" in facts else "")


def _oom_killed(who: str, facts: Facts) -> str:
    evidence, count = facts.get("evidence", "?"), facts.get("count", 1)
    process = f" (pid {facts['pid']})" if "pid" in facts else ""
    times = "" if count == 1 else f" {count} times"
    return f"{who}: the kernel killed a process{process} for lack of memory{times}; evidence: {evidence}"


def _config(told: str) -> Callable[[str, Facts], str]:
    def tell(_: str, facts: Facts) -> str:
        targets = facts.get("targets")
        entries = None if targets is None else f"{targets} target{'' if targets == 1 else 's'}"
        return _join(f"configuration {told}: {facts.get('source', '?')}", entries)

    return tell


def _config_rejected(_: str, facts: Facts) -> str:
    faults, detail = facts.get("faults", 1), facts.get("detail")
    count = "1 fault" if faults == 1 else f"{faults} faults"
    told = f"configuration refused, the last good one stays in force: {facts.get('source', '?')}: {count}"
    return _join(told, str(detail) if detail else None)


def _maybe(text: str, fact: Fact | None) -> str:
    """`text` followed by the fact, or nothing where it is not known."""
    return "" if fact is None else f"{text}{fact}"


_TELL: Mapping[Name, Callable[[str, Facts], str]] = {
    Name.DAEMON_STARTED: lambda _, facts: _join(
        f"Brimwatch {facts.get('version', '')} started",
        "dry run: nothing is acted on" if facts.get("dry_run") else None,
        _maybe("see ", facts.get("address")),
        by="; ",
    ),
    Name.DAEMON_STOPPED: lambda _, facts: _join(
        f"Brimwatch stopped{_maybe(' after ', _time(facts, 'uptime_seconds'))}",
        _maybe("", facts.get("reason")),
        by=": ",
    ),
    Name.TARGET_FOUND: lambda who, facts: (
        f"{who} found{_maybe(': processes ', facts.get('processes'))}{_maybe(', policy ', facts.get('policy'))}"
    ),
    Name.TARGET_LOST: lambda who, facts: f"{who} lost: nothing matches any more{_maybe('; ', facts.get('reason'))}",
    Name.MEMBER_FOUND: lambda who, facts: f"{who} is pid {facts.get('pid', '?')}{_maybe(' ', facts.get('comm'))}",
    Name.MEMBER_LOST: lambda who, facts: (
        f"{who} (pid {facts.get('pid', '?')}{_maybe(' ', facts.get('comm'))}) is gone"
        f"{_maybe('; last rss ', _bytes(facts, 'rss_bytes'))}"
    ),
    Name.TIER_ENTERED: _tier_entered,
    Name.TIER_LEFT: _tier_left,
    Name.ACTION_RAN: _action_ran,
    Name.ACTION_SUPPRESSED: _action_suppressed,
    Name.ACTION_FAILED: _action_failed,
    Name.LIMIT_CHANGED: _limit_changed,
    Name.OOM_KILLED: _oom_killed,
    Name.COLLECTOR_BLIND: lambda who, facts: (
        f"{who or 'discovery'}: {facts.get('collector', '?')} cannot be read{_maybe(': ', facts.get('detail'))}"
    ),
    Name.COLLECTOR_RECOVERED: lambda who, facts: (
        f"{who or 'discovery'}: {facts.get('collector', '?')} can be read again"
        f"{_maybe(' after ', _time(facts, 'blind_seconds'))}"
    ),
    Name.CONFIG_LOADED: _config("read"),
    Name.CONFIG_RELOADED: _config("in force"),
    Name.CONFIG_REJECTED: _config_rejected,
    Name.SLOTS_EXHAUSTED: lambda who, facts: (
        f"{who} has {facts.get('processes', '?')} processes and {facts.get('slots', '?')} slots;"
        " the rest are watched, but have no series"
    ),
    Name.DESCRIPTORS_EXHAUSTED: lambda _, facts: (
        f"no more files can be held open{_maybe(': the limit is ', facts.get('limit'))}; looking costs more now"
    ),
    Name.WATCH_STALLED: lambda _, facts: (
        f"looks come late{_maybe(' by ', _time(facts, 'late_seconds'))}{_maybe(': ', facts.get('detail'))}"
    ),
    Name.WATCH_RESUMED: lambda _, facts: f"looks are in time again{_maybe(' after ', _time(facts, 'stalled_seconds'))}",
    Name.INTERNAL_FAULT: lambda _, facts: (
        f"a fault of Brimwatch itself in {facts.get('place', '?')}{_maybe(': ', facts.get('detail'))}"
    ),
    Name.WEB_STARTED: lambda _, facts: f"web pages at {facts.get('address', '?')}",
    Name.WEB_WARNED: lambda _, facts: f"web: {facts.get('detail', '?')}",
}
