"""How does a replayed history become an event, and how is that told in one sentence?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from brimwatch.core.autopsy import Autopsy, Candidate
from brimwatch.core.death import Death
from brimwatch.record.wording import Facts, bytes_of, join
from brimwatch.units import format_bytes, format_duration


def death_facts(death: Death, noticed: float) -> dict[str, int | float | bool]:
    """The facts of the time of death; `noticed` in monotonic seconds."""
    facts: dict[str, int | float | bool] = {"noticed_seconds": round(max(0.0, noticed - death.at), 3)}
    if death.last is not None and death.last_at is not None:
        facts |= {"last_bytes": round(death.last), "last_seconds": round(max(0.0, death.at - death.last_at), 3)}
    if death.about:
        facts |= {"estimated": True, "unsure_seconds": round(death.unsure, 3)}
    return facts


def measured_facts(autopsy: Autopsy, about: bool = False) -> dict[str, str | int | float | bool]:
    """The facts of a replayed history, without those that are not known; `about`: the time of death is an estimate."""
    advised = autopsy.advised
    share = None if advised is None else advised.share
    found: dict[str, float | str | None] = {
        "peak_bytes": _whole(autopsy.peak),
        "limit_bytes": _whole(autopsy.limit),
        "growth_bytes_per_second": _whole(autopsy.growth),
        "minute_growth_bytes_per_second": _whole(autopsy.minute_growth),
        "step_bytes": _whole(autopsy.step),
        "seen_seconds": round(autopsy.seen, 1),
        "needed_seconds": autopsy.needed,
        "advised_ratio": share,
        "advised_bytes": None if share is None or autopsy.limit is None else int(share * autopsy.limit),
        "advised_time_to_limit_seconds": None if advised is None else advised.time_to_limit,
        "advised_seconds": None if advised is None or advised.left is None else round(advised.left, 3),
        "false_alarms": None if advised is None else advised.false_alarms,
        "advice": advice(autopsy, about),
    }
    return {key: value for key, value in found.items() if value is not None}


def advice(autopsy: Autopsy, about: bool = False) -> str:
    """Which threshold would have caught it, or plainly that none would."""
    if autopsy.peak is None:
        return "nothing was measured before: it lived for less than a look"
    if autopsy.advised is not None:
        return _advised(autopsy, autopsy.advised, about)
    needed = format_duration(autopsy.needed)
    if autopsy.seen < autopsy.needed:
        return (
            f"it was watched for {format_duration(autopsy.seen)} only: no threshold leaves the {needed} that rungs need"
        )
    told = f"no threshold would have left the {needed} that rungs need"
    leap = autopsy.step if autopsy.limit and autopsy.step and autopsy.step > autopsy.limit / 4 else None
    best = max((one.left for one in autopsy.candidates if one.left is not None), default=None)
    if leap is not None:
        return f"{told}: {format_bytes(leap)} came between two looks"
    if best is not None:
        return f"{told}: the earliest would have left {format_duration(best)}"
    return f"{told}: half of the limit was never reached before"


def _advised(autopsy: Autopsy, advised: Candidate, about: bool) -> str:
    if advised.share is not None:
        size = f" ({format_bytes(advised.share * autopsy.limit)})" if autopsy.limit else ""
        where = f"a tier at {advised.share:.0%} of the limit{size}".replace("%", " %")
    else:
        where = f"a tier at time_to_limit {format_duration(advised.time_to_limit or 0.0)}"
    least = "at least " if advised.whole else "about " if about else ""
    told = f"{where} would have given {least}{format_duration(advised.left or 0.0)}"
    if not advised.false_alarms:
        return told
    times = "once" if advised.false_alarms == 1 else f"{advised.false_alarms} times"
    return f"{told}, and have been entered {times} before in {format_duration(autopsy.seen)}"


def told_tiers(entered: Iterable[tuple[str, float]], about: bool = False) -> str:
    """`warning 12.1s, critical 4.0s before`, or `warning about 12.1s, ...` where the end is an estimate."""
    word = "about " if about else ""
    return join(*(f"{tier} {word}{format_duration(seconds)}" for tier, seconds in entered)) + " before"


def autopsy_sentence(who: str, facts: Facts) -> str:
    """What happened, who was warned, what would have helped."""
    died = f"the kernel killed a process in the cgroup of {who}" if facts.get("survived") else f"{who} died"
    growth = facts.get("growth_bytes_per_second")
    growing = f", growing {format_bytes(growth)}/s" if isinstance(growth, int | float) and growth > 0 else ""
    tiers = facts.get("tiers")
    warned = f"entered {tiers}" if tiers else "no tier was entered before"
    return join(
        f"{died}{_seen(facts)}{growing}", _late(facts), warned, _won(facts), str(facts.get("advice", "")), by="; "
    )


def _seen(facts: Facts) -> str:
    """What was last measured: at the kill itself it was at its limit."""
    last, limit = bytes_of(facts, "last_bytes") or bytes_of(facts, "peak_bytes"), bytes_of(facts, "limit_bytes")
    if not last:
        return ""
    before = facts.get("last_seconds")
    when = f" {_about(facts)}{format_duration(before)} before" if isinstance(before, int | float) and before > 0 else ""
    return f", last seen at {last}" + (f" of {limit}" if limit else "") + when


def _late(facts: Facts) -> str:
    unsure = facts.get("unsure_seconds")
    if not isinstance(unsure, int | float) or unsure <= 0:
        return ""
    return f"when is an estimate: it was noticed within {format_duration(unsure)}"


def _about(facts: Facts) -> str:
    return "about " if facts.get("estimated") else ""


def _won(facts: Facts) -> str:
    tried = facts.get("tried")
    if not tried:
        return "nothing was done" if facts.get("tiers") else ""
    return f"tried {tried}"


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def told_rungs(rungs: Sequence[Facts]) -> str:
    """`reclaim (critical) won back 20 MB, usr1 (emergency) no_handler`: the facts of `action_...` events."""
    return join(*(f"{facts.get('action')} ({facts.get('tier')}) {_became(facts)}" for facts in rungs))


def _became(facts: Facts) -> str:
    if "reason" in facts:
        return str(facts["reason"])
    won = bytes_of(facts, "reclaimed_bytes")
    return f"won back {won}" if won else "ran"
