"""Do the kinds fit the configuration's contract, and does their documentation fit them?"""

import re
from pathlib import Path

import pytest

import brimwatch
from brimwatch.act import run_command, send_signal
from brimwatch.act.kinds import ACTIONS
from brimwatch.act.runtime_table import RUNTIMES
from brimwatch.act.signals import ENDING, name_of
from brimwatch.config.nodes import compose
from brimwatch.model import Reason
from brimwatch.units import format_duration

DOCUMENT = Path(brimwatch.__file__).parents[1] / "docs" / "actions.md"
EXAMPLES = """
purge:   {hook: {names: [report-cache]}}
usr1:    {signal: SIGUSR1}
usr2:    {signal: SIGUSR2}
cleanup: {exec: [/usr/local/bin/cleanup, '{pid}']}
pager:   {webhook: {url: 'http://127.0.0.1:9093/api/v2/alerts', format: alertmanager}}
drop:    {webhook: {url: 'http://127.0.0.1:8000/memory/optimize', secret_file: /run/secrets/hook}}
brake:   {cgroup: {memory.high: 98%}, max: 10s}
squeeze: {cgroup: {memory.reclaim: 200MB}}
ceiling: {rlimit: {data: +200MB}}
restart: {signal: SIGTERM, grace: 30s, then: SIGKILL}
"""


def test_every_example_of_the_contract_is_read() -> None:
    root = compose(EXAMPLES, "f.yaml")
    found = {}
    for name, node in (root.mapping() or {}).items():
        keys = set(node.mapping() or {})
        kind = next(key for key in keys if key in ACTIONS)
        assert keys <= ACTIONS[kind].KEYS, name
        traits = ACTIONS[kind].parse(node)
        assert traits is not None, name
        found[name] = (traits.cooperative, traits.ends_process, traits.tells)
    assert root.faults.lines() == ()
    assert found == {
        "purge": (True, False, False),
        "usr1": (True, False, False),
        "usr2": (True, False, False),
        "cleanup": (False, False, False),
        "pager": (False, False, True),
        "drop": (True, False, False),
        "brake": (False, False, False),
        "squeeze": (False, False, False),
        "ceiling": (False, False, False),
        "restart": (False, True, False),
    }


def test_each_kind_reads_its_own_name_and_none_of_another() -> None:
    assert {name: kind.KEYS & set(ACTIONS) for name, kind in ACTIONS.items()} == {name: {name} for name in ACTIONS}


@pytest.mark.parametrize("name", ACTIONS)
def test_a_value_of_the_wrong_sort_is_a_fault_and_no_crash(name: str) -> None:
    for written in ("", "[]", "[1]", "{}", "x", "{a: b}", "[[x]]"):
        root = compose(f"{name}: {written}", "f.yaml")
        traits = ACTIONS[name].parse(root)
        assert traits is not None or root.faults.lines() != (), written


def section(title: str) -> str:
    text = DOCUMENT.read_text()
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found is not None, title
    return found[1]


def test_every_kind_and_key_is_documented() -> None:
    text = DOCUMENT.read_text()
    for name, kind in ACTIONS.items():
        assert re.search(rf"^## `{name}`", text, re.M), name
        body = re.search(rf"^## `{name}`.*?(?=^## |\Z)", text, re.M | re.S)
        assert body is not None
        assert {key for key in kind.KEYS if f"`{key}`" not in body[0]} == set()


def test_every_default_is_documented() -> None:
    text = DOCUMENT.read_text()
    assert f"| `grace` | `{format_duration(send_signal.GRACE).removesuffix('.0s')}s`" in text
    assert f"| `timeout` | `{format_duration(run_command.TIMEOUT).removesuffix('.0s')}s`" in text


def test_every_reason_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", section("Why nothing was done"), re.M)
    assert [row[0] for row in rows] == [reason.value for reason in Reason]


def test_every_runtime_is_documented_with_what_it_keeps_and_a_source() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", section("Signals that runtimes keep"), re.M)
    documented = {row[0].strip(): (set(re.findall(r"`(SIG[A-Z0-9+]+|real-time)`", row[1])), row[3]) for row in rows[2:]}
    kept = {}
    for runtime in RUNTIMES:
        real_time = {number for number in runtime.keeps if number >= 34}
        names = {name_of(number) for number in runtime.keeps if number not in real_time}
        names |= {"real-time"} if len(real_time) > 2 else {name_of(number) for number in real_time}
        kept[runtime.name] = names
    assert {name: names for name, (names, _) in documented.items()} == kept
    assert {
        name for name, (_, source) in documented.items() if "https://" not in source and "measured" not in source
    } == set()


def test_the_signals_that_end_a_process_are_documented() -> None:
    assert {name_of(number) for number in ENDING if f"`{name_of(number)}`" not in section("`signal`")} == set()
