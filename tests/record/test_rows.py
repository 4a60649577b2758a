"""Does the page show the most urgent first, and of each the latest?"""

from dataclasses import replace

from tests.record.pictures import MB, NOW, WALL, subject, told

from brimwatch.model import ProcessId, Tier
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, EventLog
from brimwatch.record.rows import lines, overview, rows
from brimwatch.record.snapshot import MemberView, Snapshot, TargetView


def target(name: str, *subjects: object, processes: int = 1) -> TargetView:
    return TargetView(name, "standard", "general", False, processes, subjects)  # type: ignore[arg-type]


def shown(snapshot: Snapshot, events: EventLog | None = None, longest: int = 100) -> list[str]:
    found = rows(snapshot, events or EventLog(), NOW, longest)
    return [row.target if row.member is None else f"{row.target}#{row.member}" for row in found]


URGENT = Snapshot(
    WALL,
    NOW,
    (
        target("absent", processes=0),
        target("small", subject(None, 5 * MB)),
        target("large", subject(None, 500 * MB)),
        target("growing", subject(None, 5 * MB, time_to_limit=60.0)),
        target("warned", subject(0, 1 * MB, Tier.WARNING), subject(1, 1 * MB, Tier.EMERGENCY)),
    ),
)


def test_the_highest_tier_comes_first_then_the_nearest_limit_then_the_largest() -> None:
    assert shown(URGENT) == ["warned#1", "warned#0", "growing", "large", "small", "absent"]


def test_only_so_many_are_shown() -> None:
    assert shown(URGENT, longest=2) == ["warned#1", "warned#0"]


def test_a_row_has_the_figures_of_its_subject() -> None:
    row = next(iter(rows(told(), EventLog(), NOW, 1)))

    assert (row.target, row.member, row.tier, row.policy) == ("checkout", 3, "critical", "standard")
    assert (row.resident, row.limit, row.limit_source, row.headroom) == (861 * MB, 1000 * MB, "cgroup", 119 * MB)
    assert (row.used_ratio, row.growth, row.time_to_limit, row.age) == (0.881, 12.5 * MB, 9.5, 0.25)
    assert row.about == "gunicorn · pid 4003"


def test_a_row_shows_the_latest_event_of_its_member_or_target() -> None:
    log = EventLog()
    log.add(Event(Name.TARGET_FOUND, WALL, "checkout"))
    log.add(Event(Name.OOM_KILLED, WALL + 1, "checkout", 3))
    log.add(Event(Name.OOM_KILLED, WALL + 2, "other", 3))
    last = {row.member: row.last for row in rows(told(), log, NOW, 100) if row.target == "checkout"}

    assert {member: line and line.wall for member, line in last.items()} == {0: WALL, 3: WALL + 1}


def test_a_group_is_told_by_its_size() -> None:
    first = MemberView(ProcessId(7, 7), "ng\x1binx", "", "root")
    grouped = replace(subject(None, 5), members=(first, first))
    row = next(iter(rows(Snapshot(WALL, NOW, (target("web", grouped, processes=9),)), EventLog(), NOW, 1)))

    assert row.about == r"ng\x1binx and others · 9 processes"


def test_the_overview_counts_subjects() -> None:
    head = overview(URGENT)

    assert head.tiers == {"absent": 1, "calm": 3, "warning": 1, "critical": 0, "emergency": 1}
    assert head.rows == 6


def test_lines_are_the_latest_first() -> None:
    log = EventLog()
    for seconds in range(3):
        log.add(Event(Name.TARGET_LOST, WALL + seconds, f"t{seconds}"))

    assert [line.told for line in lines(log.since(limit=2))] == [
        "t2 lost: nothing matches any more",
        "t1 lost: nothing matches any more",
    ]
