"""What can happen, what is each happening called, and which facts come with it?

The catalogue is closed: the same names are in the log, the API, the page and the documentation. A fact's key ends in
its unit (`_bytes`, `_seconds`, `_ratio`); a fact that is not known is absent.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from brimwatch.record.autopsy_facts import AUTOPSY_FACTS
from brimwatch.record.catalogue_kept import KEPT


class Name(enum.StrEnum):
    """The events, in the past tense."""

    DAEMON_STARTED = "daemon_started"
    DAEMON_STOPPED = "daemon_stopped"
    TARGET_FOUND = "target_found"
    TARGET_LOST = "target_lost"
    MEMBER_FOUND = "member_found"
    MEMBER_LOST = "member_lost"
    TIER_ENTERED = "tier_entered"
    TIER_LEFT = "tier_left"
    ACTION_RAN = "action_ran"
    ACTION_SUPPRESSED = "action_suppressed"
    ACTION_FAILED = "action_failed"
    ACTION_UNDONE = "action_undone"
    UNDO_FAILED = "undo_failed"
    RUN_DIR_WARNED = "run_dir_warned"
    LIMIT_CHANGED = "limit_changed"
    OOM_KILLED = "oom_killed"
    AUTOPSY = "autopsy"
    ARTEFACT_FAILED = "artefact_failed"
    COLLECTOR_BLIND = "collector_blind"
    COLLECTOR_RECOVERED = "collector_recovered"
    CONFIG_LOADED = "config_loaded"
    CONFIG_RELOADED = "config_reloaded"
    CONFIG_REJECTED = "config_rejected"
    SLOTS_EXHAUSTED = "slots_exhausted"
    DESCRIPTORS_EXHAUSTED = "descriptors_exhausted"
    WATCH_STALLED = "watch_stalled"
    WATCH_RESUMED = "watch_resumed"
    INTERNAL_FAULT = "internal_fault"
    WEB_WARNED = "web_warned"
    WEB_CONFIG_RELOADED = "web_config_reloaded"
    WEB_CONFIG_REJECTED = "web_config_rejected"
    JOURNAL_SET_ASIDE = "journal_set_aside"
    JOURNAL_FAILED = "journal_failed"
    JOURNAL_RECOVERED = "journal_recovered"
    STATE_RESTORED = "state_restored"
    WEBHOOK_DELIVERED = "webhook_delivered"
    WEBHOOK_DELAYED = "webhook_delayed"
    WEBHOOK_RECOVERED = "webhook_recovered"
    WEBHOOK_FAILED = "webhook_failed"
    WEBHOOK_DROPPED = "webhook_dropped"


class Level(enum.StrEnum):
    """How loud an event is in the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Entry(NamedTuple):
    """What the catalogue says of an event: its meaning, its level, and its fact keys with what they mean."""

    meaning: str
    level: Level
    facts: Mapping[str, str]


_RUNG = {
    "action": "name of the action",
    "tier": "tier whose ladder is climbed",
    "rung": "place on the ladder, from 1; 0 for a telling one",
    "rungs": "length of the ladder",
}
_STATE = {
    "rss_bytes": "resident set",
    "limit_bytes": "effective limit",
    "limit_source": "who sets it: cgroup or machine",
    "headroom_bytes": "limit minus working set",
    "growth_bytes_per_second": "slope of the last looks",
    "time_to_limit_seconds": "headroom divided by growth",
}
_TIERS = {
    "before": "tier until now",
    "after": "tier from now on",
    "signals": "quantities that met their threshold, separated by commas",
    "{signal}": "value of such a quantity, with its unit as ending",
    "{signal}_threshold": "what it was compared with, with its unit as ending",
}
_UNDONE = {
    "action": "name of the action",
    "reason": "recovered, max, no_effect, reload, stopped, restart or gone",
    "held_seconds": "time it was in force",
}
_ARTEFACT = {"artefact": "path of the file with the evidence"}
_CONFIG = {"source": "file, or embedded default", "targets": "entries under targets"}

CATALOGUE: Mapping[Name, Entry] = {
    Name.DAEMON_STARTED: Entry(
        "Brimwatch began to watch.",
        Level.INFO,
        {
            "version": "of Brimwatch",
            "address": "where the web pages are",
            "dry_run": "true where nothing is acted on",
            "last_run": "ended in order, or crashed; absent where none is known",
        },
    ),
    Name.DAEMON_STOPPED: Entry(
        "Brimwatch stopped watching.",
        Level.INFO,
        {"reason": "signal or error that ended it", "uptime_seconds": "since its start"},
    ),
    Name.TARGET_FOUND: Entry(
        "A target matches something now.",
        Level.INFO,
        {"processes": "that it matches", "policy": "that it is judged by"},
    ),
    Name.TARGET_LOST: Entry(
        "A target matches nothing any more.", Level.WARNING, {"reason": "what ended it, where that is known"}
    ),
    Name.MEMBER_FOUND: Entry(
        "A process joined a target.", Level.DEBUG, {"pid": "process ID", "comm": "name the kernel knows it by"}
    ),
    Name.MEMBER_LOST: Entry(
        "A process left a target.",
        Level.DEBUG,
        {"pid": "process ID", "comm": "name the kernel knows it by", "rss_bytes": "resident set at the last look"},
    ),
    Name.TIER_ENTERED: Entry("A subject rose into a tier.", Level.WARNING, _TIERS | _STATE | _ARTEFACT),
    Name.TIER_LEFT: Entry(
        "A subject fell out of a tier.", Level.INFO, _TIERS | _STATE | {"held_seconds": "time it was in the tier"}
    ),
    Name.ACTION_RAN: Entry(
        "A rung was run, and what it won was measured.",
        Level.INFO,
        _RUNG
        | {
            "duration_seconds": "from its start until it settled",
            "reclaimed_bytes": "fall of resident set and swap; negative for a rise",
            "claimed_bytes": "what the target says it freed",
            "detail": "what the action says of itself",
        },
    ),
    Name.ACTION_SUPPRESSED: Entry(
        "A rung was due and was not run.",
        Level.INFO,
        _RUNG
        | {
            "reason": "one of the reasons",
            "detail": "more about it",
            "rest": "rungs that would have followed",
            "wait_seconds": "until a cooldown is over or a budget allows it again",
        },
    ),
    Name.ACTION_FAILED: Entry(
        "A rung was run and failed.",
        Level.WARNING,
        _RUNG | {"reason": "one of the reasons", "detail": "more about it", "duration_seconds": "time it took"},
    ),
    Name.ACTION_UNDONE: Entry(
        "What an action had changed was put back.",
        Level.INFO,
        _UNDONE | {"detail": "what it is now, or why it was left alone"},
    ),
    Name.UNDO_FAILED: Entry(
        "What an action had changed could not be put back yet, or a record of it is not believed.",
        Level.ERROR,
        _UNDONE | {"detail": "the error"},
    ),
    Name.RUN_DIR_WARNED: Entry(
        "Undo records are not kept where they should be, or nowhere.",
        Level.WARNING,
        {"detail": "what was found, and what follows"},
    ),
    Name.LIMIT_CHANGED: Entry(
        "The effective limit of a subject changed while it ran.",
        Level.INFO,
        {"limit_bytes": "from now on", "before_bytes": "until now", "source": "who sets it: cgroup or machine"},
    ),
    Name.OOM_KILLED: Entry(
        "The kernel killed a process of the target for lack of memory.",
        Level.ERROR,
        {
            "evidence": "cgroup, exit or inferred",
            "count": "kills since the last look",
            "pid": "process ID, where known",
        }
        | _ARTEFACT,
    ),
    Name.AUTOPSY: Entry(
        "What was known before the kernel killed, and which threshold would have left enough time.",
        Level.ERROR,
        AUTOPSY_FACTS | _ARTEFACT,
    ),
    Name.ARTEFACT_FAILED: Entry(
        "Evidence could not be written; watching goes on.",
        Level.WARNING,
        _ARTEFACT | {"detail": "the error", "count": "failures since this was last told"},
    ),
    Name.COLLECTOR_BLIND: Entry(
        "A source of a target cannot be read.",
        Level.WARNING,
        {"collector": "the source", "detail": "the error"},
    ),
    Name.COLLECTOR_RECOVERED: Entry(
        "A source can be read again.",
        Level.INFO,
        {"collector": "the source", "blind_seconds": "time it could not be read"},
    ),
    Name.CONFIG_LOADED: Entry("The configuration was read at the start.", Level.INFO, _CONFIG),
    Name.CONFIG_RELOADED: Entry("A new configuration is in force.", Level.INFO, _CONFIG),
    Name.CONFIG_REJECTED: Entry(
        "A new configuration was refused; the last good one stays in force.",
        Level.ERROR,
        _CONFIG | {"faults": "how many there are", "detail": "the first of them"},
    ),
    Name.SLOTS_EXHAUSTED: Entry(
        "A target has more processes than member slots; the rest are watched, but have no series.",
        Level.WARNING,
        {"processes": "that the target matches", "slots": "that there are"},
    ),
    Name.DESCRIPTORS_EXHAUSTED: Entry(
        "No more files could be held open; what is not held costs more to read.",
        Level.WARNING,
        {"held": "descriptors held", "limit": "RLIMIT_NOFILE"},
    ),
    Name.WATCH_STALLED: Entry(
        "The loop came late: targets were not looked at in time.",
        Level.WARNING,
        {"late_seconds": "behind the time that was due"},
    ),
    Name.WATCH_RESUMED: Entry(
        "The loop is in time again.", Level.INFO, {"stalled_seconds": "time without a look in time"}
    ),
    Name.INTERNAL_FAULT: Entry(
        "Something in Brimwatch itself failed; it goes on.",
        Level.ERROR,
        {"place": "the stage it happened in", "detail": "the error, and the line"},
    ),
    Name.WEB_WARNED: Entry(
        "Something about the web server deserves a look.", Level.WARNING, {"detail": "what was found, and what to do"}
    ),
    Name.WEB_CONFIG_RELOADED: Entry(
        "A new web configuration or certificate is in force.", Level.INFO, {"source": "file"}
    ),
    Name.WEB_CONFIG_REJECTED: Entry(
        "A new web configuration was refused; the last good one stays in force.",
        Level.ERROR,
        {"source": "file", "faults": "how many there are", "detail": "the first of them"},
    ),
    **{Name(name): Entry(meaning, Level(level), facts) for name, (meaning, level, facts) in KEPT.items()},
}
