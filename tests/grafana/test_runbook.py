"""Has every alert a section that says four things, and can what is to be typed there be typed?"""

import argparse
import importlib
import re
import shlex

import pytest
from tests.grafana.alerting import DOCS
from tests.grafana.test_rules import ALERTS

from brimwatch.cli import main as commands

TEXT = (DOCS / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
TYPED = [
    line.partition("#")[0].partition("|")[0].partition(">")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("brimwatch ")
] + re.findall(r"`(brimwatch [a-z][^`]*)`", TEXT)


def test_the_sections_are_the_alerts_in_their_order() -> None:
    assert list(SECTIONS) == list(ALERTS)


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_section_says_four_things_and_what_to_type(name: str) -> None:
    assert re.findall(r"^\*\*(.*?)\.\*\*", SECTIONS[name], re.MULTILINE) == [
        "What it means", "How to see it", "What to do first", "What not to do",
    ]  # fmt: skip
    assert "```sh\n" in SECTIONS[name]


@pytest.mark.parametrize("line", sorted(set(TYPED)))
def test_what_is_to_be_typed_is_understood(line: str) -> None:
    command, *words = shlex.split(line.replace("$PID", "4242").replace("$TARGET", "checkout"))[1:]
    assert command in commands.COMMANDS
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"brimwatch.cli.{command.replace('-', '_')}").add_parser(subparsers)
    subparsers.choices[command].parse_args(words)


def test_inspect_and_explain_are_told_of() -> None:
    assert {"brimwatch inspect", "brimwatch explain"} <= {" ".join(line.split()[:2]) for line in TYPED}
