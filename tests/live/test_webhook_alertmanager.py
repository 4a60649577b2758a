"""Does a real Alertmanager take our alerts for what they are: one that is updated, and one that is over?"""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from brimwatch.act.send_webhook import Fate, send_once
from brimwatch.act.webhook_message import Occasion, compose, new_id
from brimwatch.act.webhook_options import Webhook

pytestmark = pytest.mark.live

CONFIG = """
route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules:
  - source_matchers: [alertname="BrimwatchTier", severity="critical"]
    target_matchers: [alertname="BrimwatchTier", severity="warning"]
    equal: [target, member, host]
"""


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager."""

    url: str

    def send(self, occasion: Occasion, ends_at: float) -> Fate:
        body = compose("alertmanager", occasion, ends_at)
        reply = asyncio.run(send_once(Webhook(f"{self.url}/api/v2/alerts"), new_id(), body, time.time()))
        assert reply.fate is Fate.DELIVERED, reply.detail
        return reply.fate

    def alerts(self) -> list[dict[str, Any]]:
        """Those that are not over, inhibited ones included."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture
def alertmanager(
    component: Callable[[str], str], spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> Alertmanager:
    path = tmp_path / "alertmanager.yml"
    path.write_text(CONFIG)
    address = f"127.0.0.1:{free_port()}"
    with (tmp_path / "alertmanager.log").open("wb") as log:
        spawn(
            [
                component("prometheus-alertmanager"), f"--config.file={path}", f"--storage.path={tmp_path / 'data'}",
                f"--web.listen-address={address}", "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
    running = Alertmanager(f"http://{address}")
    wait_until(running.is_ready, 20)
    return running


def entered(tier: str = "warning", member: int | None = 3, target: str = "checkout") -> Occasion:
    now = time.time()
    return Occasion(
        name="tier_entered",
        wall=now,
        target=target,
        member=member,
        tier=tier,
        action="pager",
        sentence=f"{target} entered {tier}",
        facts={"rss_bytes": 861_000_000},
        host="web-7",
        started=now - 5,
        page="http://127.0.0.1:9847/",
    )


def test_an_alert_is_seen_is_updated_while_the_tier_holds_and_is_over_when_it_is_left(
    alertmanager: Alertmanager, wait_until: Any
) -> None:
    first = entered()
    alertmanager.send(first, time.time() + 60)
    (seen,) = wait_until(alertmanager.alerts)
    assert seen["labels"] == {
        "alertname": "BrimwatchTier", "target": "checkout", "member": "3", "severity": "warning", "host": "web-7",
    }  # fmt: skip
    assert seen["annotations"] == {"summary": "checkout entered warning", "description": "rss_bytes: 861000000"}
    assert seen["generatorURL"] == "http://127.0.0.1:9847/"

    alertmanager.send(
        replace(first, sentence="checkout is in warning", facts={"rss_bytes": 900_000_000}), time.time() + 900
    )

    def updated() -> list[dict[str, Any]]:
        return [one for one in alertmanager.alerts() if one["endsAt"] != seen["endsAt"]]

    (again,) = wait_until(updated)
    assert (again["fingerprint"], again["startsAt"]) == (seen["fingerprint"], seen["startsAt"])
    assert again["endsAt"] > seen["endsAt"]
    assert again["annotations"]["summary"] == "checkout is in warning"

    alertmanager.send(replace(first, name="tier_left", ended=time.time()), 0)
    wait_until(lambda: alertmanager.alerts() == [])


def test_each_tier_is_an_alert_of_its_own_and_the_lower_one_can_be_inhibited(
    alertmanager: Alertmanager, wait_until: Any
) -> None:
    warning = entered("warning")
    alertmanager.send(warning, time.time() + 60)
    alertmanager.send(entered("critical"), time.time() + 60)

    def states() -> dict[str, str]:
        found = {one["labels"]["severity"]: one["status"]["state"] for one in alertmanager.alerts()}
        return found if found.get("warning") == "suppressed" else {}

    assert wait_until(states) == {"critical": "active", "warning": "suppressed"}
    alertmanager.send(replace(warning, ended=time.time()), 0)
    wait_until(lambda: [one["labels"]["severity"] for one in alertmanager.alerts()] == ["critical"])


def test_hostile_names_and_missing_facts_are_taken_as_well(alertmanager: Alertmanager, wait_until: Any) -> None:
    hostile = replace(entered(target='a\n\x1b{}"\\' + "x" * 5000, member=None), host="", page="", facts={})
    alertmanager.send(hostile, time.time() + 60)
    (seen,) = wait_until(alertmanager.alerts)
    assert seen["labels"]["target"].startswith('a??{}"\\xxx')
    assert "member" not in seen["labels"]


def test_what_it_refuses_is_final_and_says_why(alertmanager: Alertmanager) -> None:
    body = b'[{"labels": {}}]'
    reply = asyncio.run(send_once(Webhook(f"{alertmanager.url}/api/v2/alerts"), new_id(), body, time.time()))
    assert (reply.fate, reply.status) == (Fate.REFUSED, 400)
    assert "at least one label pair required" in reply.detail
