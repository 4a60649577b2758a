"""What does a machine without a package index need to run Brimwatch? Copies it and what it requires into a folder."""

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]


def required(name: str, extra: str = "") -> set[str]:
    """The distributions that `name` requires, with those of one extra, all the way down."""
    found: set[str] = set()
    for line in metadata.requires(name) or []:
        requirement, _, marker = line.partition(";")
        if "extra ==" in marker and not (extra and f'"{extra}"' in marker.replace("'", '"')):
            continue
        one = re.split(r"[^A-Za-z0-9._-]", requirement.strip())[0]
        try:
            metadata.distribution(one)
        except metadata.PackageNotFoundError:
            continue  # not for this Python
        if one not in found:
            found |= {one} | required(one)
    return found


def main() -> None:
    target = Path(sys.argv[1])
    shutil.copytree(ROOT / "daemon" / "brimwatch", target / "brimwatch", ignore=shutil.ignore_patterns("__pycache__"))
    for name in sorted(required("brimwatch", "daemon")):
        for file in metadata.files(name) or []:
            source = Path(str(file.locate()))
            if ".." in file.parts or file.suffix == ".pyc" or not source.is_file():
                continue  # programs in bin/ are for this machine
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / file)


main()
