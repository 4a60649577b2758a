"""How is the account of a guarded command told, to a person and as JSON?"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

from brimwatch.record.account import Account, Deed, Mark
from brimwatch.record.text import escaped, timestamp
from brimwatch.units import format_bytes, format_duration, format_ratio

Clock = Callable[[float], str]
_LONGEST = 300
_TOLD = 8  # of a kind; the rest is counted
_SOON = 86400.0  # seconds: what lies further ahead than a day is no forecast
_NEAR = 1.25  # a peak this close to what was there before exec says nothing of the command: 9.2 and 10.4 MB, say


def clock(wall: float) -> str:
    """A time of day here, `21:43:05`; with its date where that is another day than today's."""
    when, today = time.localtime(wall), time.localtime()
    return time.strftime("%H:%M:%S" if when[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", when)


def lines(account: Account, show: Clock = clock) -> list[str]:
    """The summary, a line for each thing that there is to tell."""
    told = [f"summary of {escaped(account.command, 200)} (pid {account.pid})"]
    for name, text in _told(account, show):
        told.append(f"  {name:<9} {escaped(text, _LONGEST)}")
    return told


def _told(account: Account, show: Clock) -> Iterator[tuple[str, str]]:
    took = format_duration(account.ended - account.started)
    yield "ended", f"{_ending(account)} after {took}, {format_duration(account.cpu)} of CPU"
    yield "resident", _resident(account)
    if account.growth is not None:
        yield "growth", f"{format_bytes(account.growth)}/s on the mean"
    if account.limit is not None:
        least = account.least_headroom
        headroom = "" if least is None else f"; headroom never below {format_bytes(least)}"
        yield "limit", f"{format_bytes(account.limit)} ({account.limit_source}){headroom}"
    if account.looks:
        yield "tiers", _listed([f"{one.tier} at {show(one.wall)} ({one.because})" for one in account.entries], "none")
        yield "actions", _listed([_deed(one, show) for one in account.deeds], "none")
    if any(deed.result == "ran" for deed in account.deeds):
        yield "reclaimed", _won(account.reclaimed).replace("nothing back", "nothing")
    if account.reduction is not None and account.reduction > 0.01:
        yield "reduction", f"{format_ratio(account.reduction)} (last resident set seen, against its peak)"
    if account.passed:
        yield "passed", _listed([f"{format_bytes(one.size)} at {show(one.wall)}" for one in account.passed], "")
    ahead = [one for one in account.ahead if one.wall - account.ended <= _SOON]
    if ahead:
        yield "forecast", "would have passed " + _listed([_ahead(one, show) for one in ahead], "")
    if account.code == -signal.SIGKILL or any(account.oom_kills.values()):
        yield "oom", why_killed(account)
    if account.left:
        names = [f"{one.pid} ({one.comm})" for one in account.left]
        yield "left", f"still running: {_listed(names, '')}"
    if account.unwatched:
        yield "unwatched", account.unwatched


def _ending(account: Account) -> str:
    if account.code >= 0:
        return f"exit code {account.code}"
    try:
        name = signal.Signals(-account.code).name
    except ValueError:
        name = f"signal {-account.code}"
    return f"{name} (exit code {account.exit_code})"


def _resident(account: Account) -> str:
    about = "at most " if account.peak_process <= account.floor * _NEAR else ""
    largest = f"peak {about}{format_bytes(account.peak_process)} of the largest process (kernel, ru_maxrss)"
    if account.peak_group is None:
        return f"{largest}; it was over before a look could be taken"
    start = "" if account.start is None else f"start {format_bytes(account.start)}, "
    together = ""
    if account.most_processes > 1:
        together = f", {format_bytes(account.peak_group)} of up to {account.most_processes} together (sampled)"
    return f"{start}{largest}{together}"


def _won(reclaimed: int) -> str:
    if reclaimed > 0:
        return format_bytes(reclaimed)
    return "nothing back" + (f" ({format_bytes(-reclaimed)} more than before)" if reclaimed < 0 else "")


def _deed(deed: Deed, show: Clock) -> str:
    if deed.result == "ran":
        result = (
            "ran" if deed.reclaimed is None else f"won {'back ' if deed.reclaimed > 0 else ''}{_won(deed.reclaimed)}"
        )
    else:
        result = f"{deed.result}: {deed.reason}" if deed.reason else deed.result
    return f"{deed.action} ({deed.tier}) at {show(deed.wall)} {result}"


def _ahead(mark: Mark, show: Clock) -> str:
    what = "" if mark.what == "mark" else f" (the {mark.what})"
    return f"{format_bytes(mark.size)}{what} at {show(mark.wall)}"


def why_killed(account: Account) -> str:
    """One line: was it the kernel, for lack of memory, and how is that known?"""
    kills = account.oom_kills.get("cgroup", 0)
    limit = "" if account.limit is None else f" of {format_bytes(account.limit)}"
    if kills and account.code == -signal.SIGKILL and not account.ended_by_us:
        return f"the kernel killed it for lack of memory: its memory cgroup{limit} counts {kills} OOM kill(s) more"
    if kills:
        return f"its memory cgroup{limit} counts {kills} OOM kill(s) more; the command itself was not the one"
    if account.ended_by_us:
        return "not the kernel: the SIGKILL was an action of this guard"
    if account.oom_kills.get("inferred", 0):
        return "killed with next to no headroom left: the kernel, as it seems; no counter could be read that proves it"
    return "killed, but no OOM kill is counted in its memory cgroup: somebody sent that SIGKILL"


def _listed(parts: list[str], nothing: str) -> str:
    if not parts:
        return nothing
    more = [f"and {len(parts) - _TOLD} more"] if len(parts) > _TOLD else []
    return "; ".join((*parts[:_TOLD], *more))


def json_form(account: Account) -> dict[str, object]:
    """The same as one object; sizes in bytes, times in ISO 8601 (UTC)."""
    return {
        "command": account.command,
        "pid": account.pid,
        "started": timestamp(account.started),
        "ended": timestamp(account.ended),
        "duration_seconds": round(account.ended - account.started, 3),
        "cpu_seconds": round(account.cpu, 3),
        "exit_code": account.exit_code,
        "signal": _signal_name(account.code),
        "start_rss_bytes": account.start,
        "peak_rss_bytes": account.peak,
        "peak_process_rss_bytes": account.peak_process,
        "peak_process_at_most": account.peak_process <= account.floor * _NEAR,
        "peak_group_rss_bytes": account.peak_group,
        "last_rss_bytes": account.last,
        "most_processes": account.most_processes,
        "looks": account.looks,
        "growth_bytes_per_second": None if account.growth is None else round(account.growth),
        "limit": None if account.limit is None else {"bytes": account.limit, "source": account.limit_source},
        "least_headroom_bytes": account.least_headroom,
        "tiers": [{"tier": one.tier, "time": timestamp(one.wall), "because": one.because} for one in account.entries],
        "actions": [_deed_form(one) for one in account.deeds],
        "reclaimed_bytes": account.reclaimed,
        "reduction_ratio": None if account.reduction is None else round(account.reduction, 4),
        "passed": [_mark_form(one) for one in account.passed],
        "would_have_passed": [_mark_form(one) for one in account.ahead],
        "oom_kills": dict(account.oom_kills),
        "why_killed": why_killed(account) if account.code == -signal.SIGKILL else None,
        "left_running": [{"pid": one.pid, "comm": one.comm} for one in account.left],
        "orphans_reaped": account.orphans,
        "unwatched": account.unwatched or None,
    }


def _signal_name(code: int) -> str | None:
    if code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return str(-code)


def _deed_form(deed: Deed) -> dict[str, object]:
    return {
        "action": deed.action,
        "tier": deed.tier,
        "result": deed.result,
        "time": timestamp(deed.wall),
        "reclaimed_bytes": deed.reclaimed,
        "reason": deed.reason,
        "detail": deed.detail,
    }


def _mark_form(mark: Mark) -> dict[str, object]:
    return {"bytes": mark.size, "what": mark.what, "time": timestamp(mark.wall)}
