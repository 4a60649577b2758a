"""Do the documents name every event, fact, level and reason, and no others?"""

import re
from pathlib import Path

from brimwatch.record.catalogue import CATALOGUE
from brimwatch.record.sentences import REASONS

LOGS = (Path(__file__).parent.parent.parent / "daemon" / "docs" / "logs.md").read_text()


def section(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    body = LOGS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_no_row_stands_twice_or_outside_its_table() -> None:
    names = {heading: [row[0] for row in section(heading)] for heading in ("Events", "Facts", "Reasons")}

    assert [name for rows in names.values() for name in sorted(set(rows)) if rows.count(name) > 1] == []
    assert re.findall(r"\n\n\| `.*", LOGS) == [], "a table begins with its head"
    assert "\n\n\n" not in LOGS


def test_every_event_is_documented_with_level_meaning_and_facts() -> None:
    documented = {row[0].strip("`"): (row[1], row[2], re.findall(r"`([^`]+)`", row[3])) for row in section("Events")}

    assert documented == {
        name.value: (entry.level.value, entry.meaning, list(entry.facts)) for name, entry in CATALOGUE.items()
    }


def test_every_fact_is_documented() -> None:
    facts = {key: meaning for entry in CATALOGUE.values() for key, meaning in entry.facts.items()}
    documented = {row[0].strip("`"): row[1] for row in section("Facts")}

    assert set(documented) == set(facts)
    assert all(meaning in documented[key] for entry in CATALOGUE.values() for key, meaning in entry.facts.items())


def test_every_reason_is_documented() -> None:
    assert {row[0].strip("`"): row[1] for row in section("Reasons")} == {
        reason.value: meaning for reason, meaning in REASONS.items()
    }
