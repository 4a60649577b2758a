import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.act.webhook_message import Occasion, compose, new_id, timestamp

ENTERED = Occasion(
    name="tier_entered",
    wall=1_700_000_000.25,
    target="checkout",
    member=3,
    tier="critical",
    action="pager",
    sentence="checkout (member 3) entered critical: rss 861.0 MB is at or above 850.0 MB",
    facts={"rss_bytes": 861_000_000, "signals": "rss", "rss_threshold_bytes": 850_000_000.0, "dry_run": False},
    host="web-7",
    started=1_700_000_000.0,
    page="http://127.0.0.1:9847/",
)
ENDS_AT = 1_700_000_300.0


def test_the_brimwatch_form() -> None:
    assert json.loads(compose("brimwatch", ENTERED, ENDS_AT)) == {
        "type": "tier_entered",
        "timestamp": "2023-11-14T22:13:20.250Z",
        "data": {
            "target": "checkout",
            "member": 3,
            "tier": "critical",
            "action": "pager",
            "sentence": "checkout (member 3) entered critical: rss 861.0 MB is at or above 850.0 MB",
            "host": "web-7",
            "started": "2023-11-14T22:13:20.000Z",
            "ended": None,
            "page": "http://127.0.0.1:9847/",
            "facts": {
                "rss_bytes": 861000000,
                "signals": "rss",
                "rss_threshold_bytes": 850000000.0,
                "dry_run": False,
            },
        },
    }


def test_the_alertmanager_form() -> None:
    assert json.loads(compose("alertmanager", ENTERED, ENDS_AT)) == [
        {
            "labels": {
                "alertname": "BrimwatchTier",
                "target": "checkout",
                "member": "3",
                "severity": "critical",
                "host": "web-7",
            },
            "annotations": {
                "summary": "checkout (member 3) entered critical: rss 861.0 MB is at or above 850.0 MB",
                "description": ("rss_bytes: 861000000\nsignals: rss\nrss_threshold_bytes: 850000000.0\ndry_run: False"),
            },
            "startsAt": "2023-11-14T22:13:20.000Z",
            "endsAt": "2023-11-14T22:18:20.000Z",
            "generatorURL": "http://127.0.0.1:9847/",
        }
    ]


def test_a_tier_that_was_left_ends_its_alert_and_keeps_its_identity() -> None:
    left = replace(ENTERED, name="tier_left", sentence="checkout left critical", ended=1_700_000_060.0)
    (before,) = json.loads(compose("alertmanager", ENTERED, ENDS_AT))
    (after,) = json.loads(compose("alertmanager", left, ENDS_AT))
    assert (after["labels"], after["startsAt"]) == (before["labels"], before["startsAt"])
    assert after["endsAt"] == "2023-11-14T22:14:20.000Z"
    assert json.loads(compose("brimwatch", left, ENDS_AT))["data"]["ended"] == "2023-11-14T22:14:20.000Z"


def test_an_alert_never_ends_before_it_started() -> None:
    (alert,) = json.loads(compose("alertmanager", replace(ENTERED, ended=1_600_000_000.0), ENDS_AT))
    assert alert["endsAt"] == alert["startsAt"]


def test_what_is_not_known_is_no_label() -> None:
    (alert,) = json.loads(compose("alertmanager", replace(ENTERED, member=None, host="", page=""), ENDS_AT))
    assert sorted(alert["labels"]) == ["alertname", "severity", "target"]
    assert "generatorURL" not in alert


def test_an_unknown_form_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="no format of webhooks: 'slack'"):
        compose("slack", ENTERED, ENDS_AT)


@given(
    text=st.text(max_size=3000),
    number=st.one_of(st.floats(), st.integers(-(10**30), 10**30), st.booleans()),
    wall=st.floats(),
    form=st.sampled_from(["brimwatch", "alertmanager"]),
)
def test_whatever_is_told_is_json_of_bounded_length(text: str, number: float, wall: float, form: str) -> None:
    hostile = Occasion(
        text, wall, text, None, text, text, text, {text: text, "n": number}, text, wall, wall, text
    )  # fmt: skip
    body = compose(form, hostile, wall)
    assert len(body) < 40_000
    json.loads(body)
    assert "\x1b" not in body.decode()


def test_facts_that_are_no_numbers_or_too_many_are_left_out() -> None:
    facts = {"a": math.inf, "b": math.nan, "c": 1.5} | {f"x{number}": number for number in range(100)}
    kept = json.loads(compose("brimwatch", replace(ENTERED, facts=facts), 0))["data"]["facts"]
    assert (len(kept), kept["c"], "a" in kept) == (62, 1.5, False)


def test_an_id_is_random_and_holds_nothing_that_separates() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"msg_[A-Za-z0-9]{26}", one) for one in ids)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.9996, "2023-11-14T22:13:21.000Z"),
        (math.nan, "1970-01-01T00:00:00.000Z"),
        (1e300, "9999-12-31T23:59:59.000Z"),
    ],
)
def test_a_moment(wall: float, expected: str) -> None:
    assert timestamp(wall) == expected
