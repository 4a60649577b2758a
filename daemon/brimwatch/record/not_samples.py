"""What was given as a recording, and is none? Told by its first line, with what to type instead."""

from __future__ import annotations

import json
import re

from brimwatch.record.samples_write import FORMAT
from brimwatch.record.text import escaped

WANTED = "wanted a recording, as `brimwatch record -o run.jsonl` makes one"
CONFIGURATION = "a configuration is judged by one: `--config.file F --replay run.jsonl`"
_SHOWN = 40
_YAML = re.compile(r"---|#.*|[\w.-]+:( .*)?|- .*")


def no_recording(path: str, first: bytes) -> str | None:
    """One line for a file that begins with this line (nothing: an empty file); None where it begins as ours do."""
    found, more = _found(first)
    return None if found is None else f"{path}: found {found}; {WANTED}{more and f'; {more}'}"


def _found(first: bytes) -> tuple[str | None, str]:
    if not first:
        return "an empty file", ""
    if b"\0" in first:
        return "a binary file", ""
    try:
        text = first.decode().strip()
    except UnicodeDecodeError:
        return "a binary file", ""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _found_text(text)
    if isinstance(value, dict) and value.get("format") == FORMAT:
        return None, ""
    if isinstance(value, dict) and "row" in value:
        return "rows without the header of their recording", "its first line is missing"
    return "JSON of something else", ""


def _found_text(text: str) -> tuple[str, str]:
    if text.startswith('{"row":"header"'):
        return "a recording that is cut off in its first line", ""
    if text.startswith("{") or text == "[":
        return "JSON of something else", ""
    if _YAML.fullmatch(text):
        return "YAML", CONFIGURATION
    return f"a text that begins with '{escaped(text, _SHOWN)}'", ""
