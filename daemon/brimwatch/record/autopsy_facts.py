"""Which facts come with the event `autopsy`, and what do they mean?"""

from __future__ import annotations

AUTOPSY_FACTS = {
    "evidence": "cgroup, exit or inferred",
    "survived": "true where a process in its cgroup was killed and the target itself lives",
    "peak_bytes": "most that was measured, of what counts against the limit",
    "limit_bytes": "effective limit",
    "last_bytes": "measured at the last look before the kill",
    "last_seconds": "from that look until the kill",
    "noticed_seconds": "from the kill until it was noticed; the event's time is the latter",
    "estimated": "true where the time of the kill is an estimate, from what was left and the growth at the last look",
    "unsure_seconds": "from the last look until it was noticed: the estimate is somewhere in it",
    "growth_bytes_per_second": "over the last 10 s before the last look",
    "minute_growth_bytes_per_second": "over the last 60 s before the last look",
    "step_bytes": "greatest rise between two looks in the last 10 s",
    "seen_seconds": "that the history covers",
    "warned_seconds": "from the entry into the first tier until the kill; absent where none was entered",
    "tiers": "tiers that were entered, and how long before the kill",
    "tried": "rungs that were due, and what became of each",
    "reclaimed_bytes": "fall of resident set and swap by all these rungs",
    "needed_seconds": "that the longest ladder of the policy takes",
    "advised_ratio": "share of the limit at which a tier would have left that time",
    "advised_bytes": "that share of the limit in bytes",
    "advised_time_to_limit_seconds": "forecast at which a tier would have left that time, where no share would",
    "advised_seconds": "time that it would have left",
    "false_alarms": "times that it would have been entered before, and left again",
    "advice": "which threshold would have caught it, in words",
}
