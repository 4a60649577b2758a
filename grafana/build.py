"""What do the two dashboards look like to Grafana? `python -m grafana.build` writes them as JSON that it provisions."""

from __future__ import annotations

import json
from pathlib import Path

from grafana.parts import fleet, target
from grafana_foundation_sdk.cog.encoder import JSONEncoder

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> dict[str, str]:
    """The text of each file, by its name. Keys are sorted and nothing in it depends on when or where it is built."""
    built = {"fleet.json": fleet.dashboard(), "target.json": target.dashboard()}
    return {name: json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for name, board in built.items()}


def main() -> None:
    """Write the files anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
