import dataclasses
import json
import time

import pytest

from brimwatch.record.account import Account, Deed, Entry, Left, Mark
from brimwatch.record.account_text import clock, json_form, lines, why_killed

GB = 10**9
BASE = Account(
    command="python3 batch.py", pid=4711, started=1000.0, ended=1123.5, code=0, cpu=110.0, peak_process=1_300_000_000,
    floor=9_000_000,
)  # fmt: skip
WATCHED = dataclasses.replace(
    BASE, looks=500, start=31_000_000, last=1_200_000_000, peak_group=1_400_000_000, most_processes=3, growth=9.5e6,
    limit=2 * GB, limit_source="cgroup", least_headroom=600_000_000,
)  # fmt: skip


def show(wall: float) -> str:
    return f"T{wall:g}"


def test_a_whole_account_is_told_like_this() -> None:
    account = dataclasses.replace(
        WATCHED,
        entries=(Entry("warning", 1050, "rss 1.0 GB >= 1.0 GB"), Entry("critical", 1090, "rss 1.3 GB >= 1.2 GB")),
        deeds=(
            Deed("ask", "critical", "ran", 1091, 200_000_000),
            Deed("trim", "critical", "suppressed", 1092, None, "no_agent", "no agent answers"),
        ),
        passed=(Mark(GB, "mark", 1050),),
        ahead=(Mark(1_800_000_000, "emergency", 1190), Mark(2 * GB, "limit", 1207), Mark(90 * GB, "mark", 999_999)),
        left=(Left(4713, "sleep"),),
        unwatched="RuntimeError('x')",
    )
    assert lines(account, show) == [
        "summary of python3 batch.py (pid 4711)",
        "  ended     exit code 0 after 2m 3s, 1m 50s of CPU",
        (
            "  resident  start 31.0 MB, peak 1.3 GB of the largest process (kernel, ru_maxrss), "
            "1.4 GB of up to 3 together (sampled)"
        ),
        "  growth    9.5 MB/s on the mean",
        "  limit     2.0 GB (cgroup); headroom never below 600.0 MB",
        "  tiers     warning at T1050 (rss 1.0 GB >= 1.0 GB); critical at T1090 (rss 1.3 GB >= 1.2 GB)",
        "  actions   ask (critical) at T1091 won back 200.0 MB; trim (critical) at T1092 suppressed: no_agent",
        "  reclaimed 200.0 MB",
        "  reduction 14.3 % (last resident set seen, against its peak)",
        "  passed    1.0 GB at T1050",
        "  forecast  would have passed 1.8 GB (the emergency) at T1190; 2.0 GB (the limit) at T1207",
        "  left      still running: 4713 (sleep)",
        "  unwatched RuntimeError('x')",
    ]


def test_a_rung_after_which_more_was_held_won_nothing_back() -> None:
    account = dataclasses.replace(WATCHED, deeds=(Deed("ask", "critical", "ran", 1091, -49_000_000),))
    assert [line for line in lines(account, show) if "49.0" in line] == [
        "  actions   ask (critical) at T1091 won nothing back (49.0 MB more than before)",
        "  reclaimed nothing (49.0 MB more than before)",
    ]


def test_a_command_too_short_for_a_look_still_has_its_peak() -> None:
    account = dataclasses.replace(BASE, ended=1000.004, peak_process=10_400_000, code=-11)
    assert lines(account, show)[1:] == [
        "  ended     SIGSEGV (exit code 139) after 4ms, 1m 50s of CPU",
        (
            "  resident  peak at most 10.4 MB of the largest process (kernel, ru_maxrss); "
            "it was over before a look could be taken"
        ),
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            {"oom_kills": {"cgroup": 1}},
            "the kernel killed it for lack of memory: its memory cgroup of 2.0 GB counts 1 OOM kill(s) more",
            id="the cgroup counts it",
        ),
        pytest.param(
            {"oom_kills": {"cgroup": 1}, "code": 1},
            "its memory cgroup of 2.0 GB counts 1 OOM kill(s) more; the command itself was not the one",
            id="another process was killed",
        ),
        pytest.param(
            {"ended_by_us": True}, "not the kernel: the SIGKILL was an action of this guard", id="it was an action"
        ),
        pytest.param(
            {"oom_kills": {"inferred": 1}},
            "killed with next to no headroom left: the kernel, as it seems; no counter could be read that proves it",
            id="it is inferred",
        ),
        pytest.param(
            {},
            "killed, but no OOM kill is counted in its memory cgroup: somebody sent that SIGKILL",
            id="somebody killed it",
        ),
    ],
)
def test_why_it_was_killed_is_said_in_one_line(facts: dict[str, object], expected: str) -> None:
    account = dataclasses.replace(WATCHED, **({"code": -9} | facts))  # type: ignore[arg-type]
    assert why_killed(account) == expected
    assert f"  oom       {expected}" in lines(account, show)


def test_hostile_text_stays_on_its_line() -> None:
    account = dataclasses.replace(BASE, command="x\x1b[2J\n" * 500, left=(Left(1, "a\nb"),))
    assert all(line.isprintable() and len(line) < 400 for line in lines(account, show))


def test_the_json_form_is_json_and_names_units() -> None:
    form = json.loads(json.dumps(json_form(dataclasses.replace(WATCHED, code=-15, ahead=(Mark(GB, "mark", 5.5),)))))
    assert (form["exit_code"], form["signal"]) == (143, "SIGTERM")
    assert form["peak_rss_bytes"] == 1_400_000_000
    assert form["would_have_passed"] == [{"bytes": GB, "what": "mark", "time": "1970-01-01T00:00:05.500Z"}]
    assert form["limit"] == {"bytes": 2 * GB, "source": "cgroup"}
    assert form["why_killed"] is None


def test_a_time_of_another_day_comes_with_its_date() -> None:
    now = time.time()
    assert clock(now) == time.strftime("%H:%M:%S", time.localtime(now))
    assert clock(now + 3 * 86400) == time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now + 3 * 86400))
