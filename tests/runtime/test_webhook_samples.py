"""Are the messages that the page about webhooks shows those that are sent? Each is made by the code that makes them."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.act.processes import request_for
from tests.runtime.doubles import Clock, Shelf, put_in, rule, story, subject

import brimwatch
from brimwatch.act.ask_webhook import occasion_of
from brimwatch.act.send_webhook import Fate, Reply
from brimwatch.act.webhook_message import Occasion, compose
from brimwatch.act.webhook_options import Webhook
from brimwatch.core.evaluate import crossings
from brimwatch.model import Action, Decision, Limit, Policy, ProcessId, Reading, Sample, Tier, Verdict
from brimwatch.quantity import Quantity
from brimwatch.runtime.continuity import entered
from brimwatch.runtime.outbox import Outbox
from brimwatch.runtime.perform import told_crossing
from brimwatch.runtime.subject import Subject
from brimwatch.runtime.tellings import Tellings
from brimwatch.units import Bytes, Seconds

PAGE = (Path(brimwatch.__file__).parents[1] / "docs" / "webhooks.md").read_text()
WALL = 1_700_000_000.25
PAGER = Action("pager", "webhook", Webhook("http://127.0.0.1:9/", tells=True), tells=True)
CRITICAL = rule(Tier.CRITICAL, 850)
POLICY = Policy("p", (CRITICAL,), Seconds(60.0))
SAMPLE = Sample(
    5.0,
    {
        Quantity.RSS: Reading(861_000_000.0, 5.0),
        Quantity.GROWTH: Reading(12_000_000.0, 5.0),
        Quantity.TIME_TO_LIMIT: Reading(11.5, 5.0),
    },
    Limit(Bytes(1_000_000_000), "cgroup"),
    Bytes(138_000_000),
)


@pytest.fixture
def checkout() -> Subject:
    found = subject(POLICY, (Tier.CRITICAL,), "checkout", ProcessId(4003, 1))
    found.target.several, found.slot, found.since_wall = True, 3, 1_700_000_000.0
    return found


def shown(number: int) -> object:
    return json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[number])


def entry(of: Subject) -> Occasion:
    decision = Decision(Tier.CRITICAL, PAGER, -1, Verdict.RUN, 5.0)
    return entered(of, decision, SAMPLE, WALL, "web-7", "http://web-7:9847/")


def end(of: Subject, gone: bool) -> Occasion:
    async def told() -> Occasion:
        clock = Clock(WALL)
        shelf = Shelf(clock)
        outbox = Outbox(story()[0], shelf, clock, waits)
        outbox.configure({"pager": PAGER})
        tellings = Tellings(outbox, shelf, clock)
        tellings.tell(of, Tier.CRITICAL, PAGER, entry(of))
        clock.pass_time(41.75)
        put_in(of)
        (tellings.gone if gone else tellings.looked)(of)
        found = list(outbox.queue)[-1].occasion
        await outbox.close(0.0, kept=True)
        return found

    return asyncio.run(told())


async def waits(options: Webhook, message_id: str, body: bytes, wall: float) -> Reply:
    await asyncio.Event().wait()
    return Reply(Fate.RETRY, None, None, "", Seconds(0.0))


def test_an_entry_is_told_as_the_page_shows_it(checkout: Subject) -> None:
    assert shown(0) == json.loads(compose("brimwatch", entry(checkout), 0.0))


@pytest.mark.parametrize(("number", "gone"), [(1, False), (2, True)], ids=["a tier that is left", "a process is gone"])
def test_an_end_is_told_as_the_page_shows_it(checkout: Subject, number: int, gone: bool) -> None:
    whole = json.loads(compose("brimwatch", end(checkout, gone), 0.0))
    said = {key: whole["data"][key] for key in ("sentence", "ended", "facts")}
    assert shown(number) == {"type": whole["type"], "data": said}


def test_a_target_is_asked_as_the_page_shows_it() -> None:
    options = Webhook("http://127.0.0.1:8000/memory/optimize")
    facts = {"MEMBER": "3", "RSS_BYTES": "861000000", "LIMIT_BYTES": "1000000000"}
    because = "; ".join(told_crossing(one) for one in crossings(CRITICAL, SAMPLE))
    request = request_for(options, target="checkout", needed=Bytes(96_000_000), because=because, facts=facts)
    request = replace(request, action=Action("drop", "webhook", options), severity=0.861)
    occasion = replace(occasion_of(request, options, 10.0, WALL), host="web-7")
    assert shown(3) == json.loads(compose("brimwatch", occasion, 0.0))


def test_an_alert_is_what_the_page_shows(checkout: Subject) -> None:
    assert shown(4) == json.loads(compose("alertmanager", entry(checkout), 1_700_000_300.0))
