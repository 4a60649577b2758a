"""Is what the documentation says true? What can be checked by running it is."""

import argparse
import re
from pathlib import Path

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.cli import main as commands
from brimwatch.config.load import load
from brimwatch.core.phases import diagram
from brimwatch.model import Reason

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "daemon" / "docs"
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_readmes_diagram_is_the_state_table() -> None:
    assert blocks(README, "mermaid") == [diagram()]


def test_the_readmes_configuration_loads_as_it_stands() -> None:
    (text,) = blocks(README, "yaml")
    config = load(text, "README.md", ACTIONS)
    assert [target.name for target in config.targets] == ["checkout"]


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *DOCS.rglob("*.md")]), ids=lambda path: path.name)
def test_every_link_to_a_page_of_ours_leads_somewhere(page: Path) -> None:
    broken = []
    for link, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        target = page.parent / link if link else page
        if not target.exists():
            broken.append(link)
        elif anchor and anchor not in anchors(target.read_text()):
            broken.append(f"{link}#{anchor}")
    assert broken == []


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("command", sorted(commands.COMMANDS))
def test_every_command_and_flag_is_documented(command: str) -> None:
    import importlib

    page = (DOCS / "commands.md").read_text()
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"brimwatch.cli.{command.replace('-', '_')}").add_parser(subparsers)
    parser = subparsers.choices[command]
    flags = {flag for action in parser._actions for flag in action.option_strings} - {"-h", "--help"}
    assert f"`brimwatch {command}" in page
    assert sorted(flag for flag in flags if f"`{flag}" not in page) == []


@pytest.mark.parametrize("reason", sorted(Reason))
def test_every_reason_is_explained(reason: str) -> None:
    assert f"`{reason}`" in (DOCS / "actions.md").read_text()
