"""How are events of the journal and of webhooks told in one line?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from brimwatch.record.catalogue import Name
from brimwatch.record.wording import Facts, join, maybe, time_of


def _message(who: str, facts: Facts) -> str:
    of = f" of {facts['tier']}" if "tier" in facts else ""
    return f"{who or 'a message'}: webhook {facts.get('action', '?')}{of}"


def _tried(facts: Facts) -> str:
    tries, age = facts.get("tries"), time_of(facts, "age_seconds")
    times = None if tries is None else "1 try" if tries == 1 else f"{tries} tries"
    return join(maybe(" after ", times), maybe(" in ", age), by="")


def _why(facts: Facts) -> str:
    reason, status = facts.get("reason"), facts.get("status")
    return join(maybe("", reason), maybe("HTTP ", status), maybe("", facts.get("detail")))


def _delayed(who: str, facts: Facts) -> str:
    told = join(f"{_message(who, facts)} was not accepted and is sent again", _why(facts), by=": ")
    return join(told, maybe("waiting: ", facts.get("waiting")), by="; ")


def _restored(_: str, facts: Facts) -> str:
    counts = (
        f"{facts[key]} {one if facts[key] == 1 else several}"
        for key, one, several in (
            ("restored", "subject with its tiers", "subjects with their tiers"),
            ("budgets", "budget", "budgets"),
            ("webhooks", "webhook that waits", "webhooks that wait"),
            ("alerts", "open alert", "open alerts"),
        )
        if facts.get(key)
    )
    undone = facts.get("undone")
    what = "1 brake or ceiling was" if undone == 1 else f"{undone} brakes and ceilings were"
    lost = f"{what} taken back, and set again after the cooldown if the tier holds" if undone else None
    after = "a crash" if facts.get("after_crash") else "a stop"
    return join(
        f"taken up after {after}{maybe(', away for ', time_of(facts, 'down_seconds'))}",
        join(", ".join(counts), lost, by="; "),
        by=": ",
    )


KEPT: Mapping[Name, Callable[[str, Facts], str]] = {
    Name.JOURNAL_SET_ASIDE: lambda _, facts: (
        f"a new journal was begun in {facts.get('path', '?')}{maybe(': ', facts.get('detail'))}"
    ),
    Name.JOURNAL_FAILED: lambda _, facts: (
        "the journal cannot be written, events and webhooks go on in memory"
        f"{maybe(': ', facts.get('detail') or facts.get('path'))}"
    ),
    Name.JOURNAL_RECOVERED: lambda _, facts: (
        f"the journal is written again{maybe(' after ', time_of(facts, 'failed_seconds'))}"
    ),
    Name.STATE_RESTORED: _restored,
    Name.WEBHOOK_DELIVERED: lambda who, facts: f"{_message(who, facts)} was delivered{_tried(facts)}",
    Name.WEBHOOK_DELAYED: _delayed,
    Name.WEBHOOK_RECOVERED: lambda _, facts: (
        f"webhook {facts.get('action', '?')} gets through again"
        f"{maybe(' after ', time_of(facts, 'failed_seconds'))}{maybe('; waiting: ', facts.get('waiting'))}"
    ),
    Name.WEBHOOK_FAILED: lambda who, facts: join(
        f"{_message(who, facts)} was given up{_tried(facts)}", _why(facts), by=": "
    ),
    Name.WEBHOOK_DROPPED: lambda _, facts: (
        f"webhook {facts.get('action', '?')}: the queue was full, messages dropped: {facts.get('count', '?')}"
    ),
}
