"""Does the page show what is the case, and nothing that a target could have planted?"""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from tests.record.pictures import MB, NOW, WALL, many, subject, told
from tests.web.daemons import served, services

from brimwatch.model import Tier
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, EventLog
from brimwatch.record.snapshot import Snapshot

PLANTED = "<img src=x onerror=alert(1)>"
VOID = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """Collects the elements and texts, and whether each element that opens also closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID and not (self.open and self.open[-1] == "svg"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data.strip())


def page(snapshot: Snapshot, log: EventLog | None = None) -> httpx.Response:
    with served(services(snapshot, log)) as url:
        return httpx.get(url + "/", timeout=30)


def rows(answer: httpx.Response) -> list[str]:
    body = answer.text.partition('<tbody id="rows">')[2].partition("</tbody>")[0]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)).strip() for row in body.split("</tr>")[:-1]]


def test_a_row_says_tier_size_limit_headroom_growth_time_and_last_event() -> None:
    log = EventLog()
    log.add(Event(Name.OOM_KILLED, WALL, "checkout", 3, {"evidence": "cgroup", "count": 1}))
    first = rows(page(told(), log))[0]

    assert re.sub(r"critical for [^ ]+ [^ ]+", "critical for a while", first) == (
        "checkout#3 gunicorn · pid 4003 · standard critical for a while 861.0 MB 1.0 GB cgroup 119.0 MB"
        " +12.5 MB/s 9.5s 08:53:20 the kernel killed a process for lack of memory; evidence: cgroup"
    )


def test_the_page_is_well_formed_and_says_how_many_are_in_each_tier() -> None:
    answer = page(told())
    reader = Reader(answer.text)

    assert reader.open == []
    assert re.findall(r"<b>(\d+)</b>([a-z ]+)", answer.text) == [
        ("0", "emergency"),
        ("1", "critical"),
        ("0", "warning"),
        ("3", "calm"),
        ("1", "matching nothing"),
    ]
    assert "<title>(1) Brimwatch</title>" in answer.text


def test_nothing_planted_becomes_part_of_the_page() -> None:
    snapshot = told()
    hostile = replace(
        snapshot.targets[1],
        name=PLANTED,
        policy=PLANTED,
        subjects=(replace(subject(None, MB), members=(replace(subject(None, MB).members[0], comm=PLANTED),)),),
    )
    log = EventLog()
    log.add(Event(Name.TARGET_LOST, WALL, PLANTED, None, {"reason": "</script></title>" + PLANTED}))
    answer = page(replace(snapshot, targets=(hostile,), config_source=PLANTED, config_ok=False), log)
    reader = Reader(answer.text)

    assert "img" not in reader.tags
    assert reader.tags.count("script") == 1
    assert "onerror" not in reader.attributes
    assert any(PLANTED in text for text in reader.texts)


def test_the_policy_allows_our_own_style_and_script_and_nothing_else() -> None:
    answer = page(told())
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))

    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"


def test_nothing_is_loaded_from_elsewhere_and_no_style_is_inline() -> None:
    answer = page(told())
    reader = Reader(answer.text)

    assert re.findall(r'(?:src|href)="(?!data:|/)', answer.text) == []
    assert "style" not in reader.attributes


def test_only_the_most_urgent_of_very_many_are_shown() -> None:
    answer = page(many(1000))

    assert len(rows(answer)) == 200
    assert "The 200 most urgent of 1000 are shown." in answer.text


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"dry_run": True}, "Dry run: tiers are judged and told, nothing is acted on."),
        ({"config_ok": False}, "The configuration now in /etc/brimwatch/brimwatch.yaml was refused"),
    ],
    ids=["a dry run", "a refused configuration"],
)
def test_what_is_unusual_is_said_above_the_table(change: dict[str, bool], note: str) -> None:
    assert note in page(replace(told(), **change)).text  # type: ignore[arg-type]
    assert note not in page(told()).text


def test_a_page_without_targets_says_so() -> None:
    answer = page(Snapshot(WALL, NOW, ()))

    assert "No target is configured, or none was looked at yet." in answer.text
    assert "Nothing has happened yet." in answer.text


def test_what_was_not_seen_for_long_says_so() -> None:
    snapshot = replace(told(), at=NOW + 60)

    assert "seen 1m 0s ago" in page(snapshot).text


def test_growth_is_shown_with_its_sign_and_a_long_time_as_such() -> None:
    target = replace(
        told().targets[0],
        subjects=(
            subject(0, MB, growth=10.0, time_to_limit=1e9),
            subject(1, MB, Tier.WARNING, growth=-2.5e6),
        ),
    )
    shown = rows(page(replace(told(), targets=(target,))))

    assert " \u22122.5 MB/s " in shown[0]
    assert " steady over a week " in shown[1]
