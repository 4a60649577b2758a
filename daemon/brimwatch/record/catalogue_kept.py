"""Which events do the journal and the webhooks add to the catalogue? Meaning, level and facts of each, by name."""

from __future__ import annotations

from collections.abc import Mapping

_MESSAGE = {
    "action": "name of the action",
    "tier": "tier it tells of",
    "id": "webhook-id of the message",
    "tries": "made for it, by earlier runs as well",
    "age_seconds": "since it was accepted",
}

KEPT: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "journal_set_aside": (
        "What stood in the journal's place could not be used; it was renamed, and a new journal begun.",
        "warning",
        {"path": "folder of the journal", "detail": "what was found, and its new name"},
    ),
    "journal_failed": (
        "The journal cannot be written; events and webhooks go on in memory.",
        "error",
        {"path": "folder of the journal", "detail": "the error"},
    ),
    "journal_recovered": (
        "The journal is written again.",
        "info",
        {"path": "folder of the journal", "failed_seconds": "time it was not written"},
    ),
    "state_restored": (
        "What an earlier run left was taken up.",
        "info",
        {
            "restored": "subjects whose tiers and cooldowns came back",
            "budgets": "actions whose runs still count",
            "webhooks": "messages that wait to be sent",
            "alerts": "that were open",
            "undone": "brakes and ceilings taken back; the ladder sets them again after its cooldown",
            "after_crash": "true where that run did not end in order",
            "down_seconds": "since it was last alive",
        },
    ),
    "webhook_delivered": ("A message was delivered.", "debug", _MESSAGE | {"status": "HTTP status"}),
    "webhook_delayed": (
        "A message was not accepted; it is sent again. Told once, until one gets through.",
        "warning",
        _MESSAGE | {"status": "HTTP status", "detail": "more about it", "waiting": "messages of this action"},
    ),
    "webhook_recovered": (
        "Messages of this action get through again.",
        "info",
        {
            "action": "name of the action",
            "failed_seconds": "since the first one that did not",
            "waiting": "messages of this action",
        },
    ),
    "webhook_failed": (
        "A message was given up, and no `action_failed` of this run says so.",
        "warning",
        _MESSAGE | {"status": "HTTP status", "reason": "one of the reasons", "detail": "more about it"},
    ),
    "webhook_dropped": (
        "The queue was full: the oldest messages gave way. Told once a minute at most.",
        "warning",
        {"action": "name of the action", "count": "messages that were dropped"},
    ),
}
