"""Does each event say in one line what was done and why?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.record.pictures import MB, WALL

from brimwatch.core.settle import GIVEN_UP
from brimwatch.model import Action, Change, Crossing, Decision, Limit, Outcome, Reading, Reason, Sample, Tier, Verdict
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import CATALOGUE, Name
from brimwatch.record.events import Event, Fact
from brimwatch.record.happenings import rung_ended, rung_suppressed, tier_changed
from brimwatch.record.sentences import LONGEST, sentence
from brimwatch.units import Bytes, Seconds

USR1 = Action("usr1", "signal", None)
GROWING = Sample(
    0.0,
    {
        Quantity.RSS: Reading(812.3 * MB, 0),
        Quantity.GROWTH: Reading(12.0 * MB, 0),
        Quantity.TIME_TO_LIMIT: Reading(15.0, 0),
    },
    Limit(Bytes(1000 * MB), "cgroup"),
    Bytes(180 * MB),
)
SMALL = Sample(0.0, {Quantity.RSS: Reading(512.0 * MB, 0)})


def entered(*because: Crossing, sample: Sample = GROWING) -> Event:
    return tier_changed("checkout", 3, Change(Tier.WARNING, Tier.CRITICAL, 0.0, because), sample, WALL)


def ended(verdict: Verdict, rung: int = 0, **more: object) -> Event:
    outcome = Outcome(Tier.CRITICAL, USR1, rung, verdict, 0.0, **more)  # type: ignore[arg-type]
    return rung_ended("checkout", 3, outcome, WALL, 3)


def ran(reclaimed: int | None, **more: object) -> Event:
    return ended(Verdict.RUN, duration=Seconds(1.2), reclaimed=reclaimed, **more)


DECISION = Decision(Tier.CRITICAL, USR1, 0, Verdict.SUPPRESSED, 0.0, Reason.DRY_RUN, ("reclaim", "restart"))

STORY: dict[str, tuple[Event, str]] = {
    "a tier is entered": (
        entered(Crossing(Quantity.RSS, 812.3 * MB, 800.0 * MB)),
        "checkout#3 entered critical: rss 812.3 MB >= 800.0 MB; limit 1.0 GB; growing 12.0 MB/s, about 15.0s left",
    ),
    "two thresholds are met, one of them inverted": (
        entered(Crossing(Quantity.THREADS, 35, 8), Crossing(Quantity.TIME_TO_LIMIT, 15, 20), sample=SMALL),
        "checkout#3 entered critical: threads 35 >= 8 and time_to_limit 15.0s <= 20.0s",
    ),
    "ratios and rates": (
        entered(
            Crossing(Quantity.PRESSURE, 0.25, 0.1), Crossing(Quantity.GROWTH, 12 * MB, 10 * MB), sample=SMALL
        ),
        "checkout#3 entered critical: pressure 25.0 % >= 10.0 % and growth 12.0 MB/s >= 10.0 MB/s",
    ),
    "a tier is left": (
        tier_changed("checkout", None, Change(Tier.CRITICAL, Tier.CALM, 0.0), SMALL, WALL, 125.0),
        "checkout left critical for calm after 2m 5s: rss 512.0 MB",
    ),
    "a rung won": (ran(212_400_000), "checkout#3: usr1 (rung 1 of 3, critical) won back 212.4 MB in 1.2s"),
    "a rung won less than it claims": (
        ran(0, claimed=Bytes(50 * MB)),
        "checkout#3: usr1 (rung 1 of 3, critical) won nothing back (claims 50.0 MB) in 1.2s",
    ),
    "more is resident than before": (
        ran(-3_100_000),
        "checkout#3: usr1 (rung 1 of 3, critical) won nothing back: 3.1 MB more than before in 1.2s",
    ),
    "nothing could be measured": (ran(None), "checkout#3: usr1 (rung 1 of 3, critical) ran in 1.2s"),
    "a telling rung": (
        ended(Verdict.RUN, rung=-1, duration=Seconds(0.035)),
        "checkout#3: usr1 (telling, critical) ran in 35ms",
    ),
    "a rung failed": (
        ended(Verdict.FAILED, duration=Seconds(5.0), reason=Reason.DEADLINE),
        "checkout#3: usr1 (rung 1 of 3, critical) failed after 5.0s: deadline - it took too long",
    ),
    "a rung failed with a detail": (
        ended(Verdict.FAILED, reason=Reason.EXIT_CODE, detail="exit code 3"),
        "checkout#3: usr1 (rung 1 of 3, critical) failed: exit_code - exit code 3",
    ),
    "a rung was given up": (
        ended(Verdict.SUPPRESSED, reason=Reason.SUPERSEDED, detail=GIVEN_UP),
        "checkout#3: usr1 (rung 1 of 3, critical) was given up: superseded - a higher tier took over",
    ),
    "one of each was taken up": (
        Event(Name.STATE_RESTORED, WALL, facts={"restored": 1, "budgets": 2, "webhooks": 1, "after_crash": True}),
        "taken up after a crash: 1 subject with its tiers, 2 budgets, 1 webhook that waits",
    ),
    "a ceiling did not outlive the crash": (
        Event(Name.STATE_RESTORED, WALL, facts={"undone": 1, "after_crash": True}),
        "taken up after a crash: 1 brake or ceiling was taken back, and set again after the cooldown if the tier holds",
    ),
    "dry run lists the rest": (
        rung_suppressed("checkout", 3, DECISION, WALL, 3),
        "checkout#3: usr1 (rung 1 of 3, critical) was not run: dry_run - dry run; then would have come reclaim,restart",
    ),
    "a cooldown says how long": (
        rung_suppressed("shop", None, replace(DECISION, reason=Reason.COOLDOWN, rest=(), until=43.0), WALL),
        "shop: usr1 (rung 1, critical) was not run: cooldown - the ladder was climbed a short time ago; again in 43.0s",
    ),
    "the kernel killed": (
        Event(Name.OOM_KILLED, WALL, "batch", None, {"evidence": "cgroup", "count": 2}),
        "batch: the kernel killed a process for lack of memory 2 times; evidence: cgroup",
    ),
    "a limit went": (
        Event(Name.LIMIT_CHANGED, WALL, "batch", None, {"before_bytes": 10**9}),
        "batch: limit changed from 1.0 GB to none",
    ),
    "a configuration was refused": (
        Event(Name.CONFIG_REJECTED, WALL, facts={"source": "b.yaml", "faults": 2, "detail": "b.yaml:3: x"}),
        "configuration refused, the last good one stays in force: b.yaml: 2 faults, b.yaml:3: x",
    ),
    "the daemon starts": (
        Event(Name.DAEMON_STARTED, WALL, facts={"version": "0.1.0", "dry_run": True, "address": "http://[::1]:1/"}),
        "Brimwatch 0.1.0 started; dry run: nothing is acted on; see http://[::1]:1/",
    ),
    "a hostile name": (
        Event(Name.TARGET_LOST, WALL, "evil\n\x1b[2J{0}%s"),
        r"evil\n\x1b[2J{0}%s lost: nothing matches any more",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("event", "told"), STORY.values(), ids=STORY.keys())
def test_an_event_is_told(event: Event, told: str) -> None:
    assert sentence(event) == told


@pytest.mark.parametrize("event", [event for event, _ in STORY.values()], ids=STORY.keys())
def test_facts_are_those_of_the_catalogue(event: Event) -> None:
    known = set(CATALOGUE[event.name].facts)
    signals = str(event.facts.get("signals", "")).split(",")
    of_signals = {key for key in event.facts for signal in signals if signal and key.startswith(signal)}

    assert set(event.facts) - known - of_signals == set()


@pytest.mark.parametrize("name", Name)
def test_an_event_without_facts_is_told_too(name: Name) -> None:
    assert sentence(Event(name, WALL, "t", 1))


FACTS: "st.SearchStrategy[Fact]" = st.one_of(
    st.text(), st.integers(-(10**15), 10**15), st.floats(-1e15, 1e15), st.booleans()
)


@given(st.sampled_from(list(Name)), st.data())
def test_any_facts_make_one_printable_bounded_line(name: Name, data: st.DataObject) -> None:
    keys = [key for key in CATALOGUE[name].facts if key not in ("signals", "{signal}", "{signal}_threshold")]
    facts = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(keys, FACTS)))
    told = sentence(Event(name, WALL, data.draw(st.text()), 1, facts))

    assert told.isprintable()
    assert len(told) <= LONGEST
