"""What is in the image, and where is it from? Writes a bill of materials in the form CycloneDX 1.6.

    python3 sbom.py ROOT PREFIX

ROOT and ROOT.files are what `assemble.py` made, PREFIX is the virtual environment. Python distributions are those that
PREFIX has installed; packages of Debian are those that own one of the system's files. Their licences are copied to
where Debian has them, and what dpkg knows of them to var/lib/dpkg/status.d, where scanners of images look.

Source of the form: the specification of CycloneDX 1.6 (ECMA-424); of package URLs: the purl specification (ECMA-427).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

PLACE = "usr/share/brimwatch/sbom.cdx.json"
STATUS = "var/lib/dpkg/status.d"
MADE = "/etc/ssl/certs/ca-certificates.crt"  # by ca-certificates, when it is installed


def main() -> None:
    root, prefix = Path(sys.argv[1]), Path(sys.argv[2])
    (site,) = prefix.glob("lib/python3*/site-packages")
    release = distribution()
    packages = owners(Path(f"{root}.files").read_text().splitlines())
    for package in packages:
        keep_records(package, root)
    components = [*(of_python(one) for one in installed(site)), *(of_debian(one, release) for one in packages)]
    (main_one,) = [one for one in components if one["name"] == "brimwatch"]
    others = sorted((one for one in components if one is not main_one), key=lambda one: str(one["bom-ref"]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**main_one, "type": "container"}},
        "components": others,
    }
    target = root / PLACE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{len(others)} components in {PLACE}")


def distribution() -> str:
    """The distribution and its version, as package URLs have it: `debian-13`."""
    fields = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text().splitlines())
    return f"{fields['ID']}-{fields['VERSION_ID']}".replace('"', "")


def installed(site: Path) -> Iterator[Message]:
    for found in metadata.distributions(path=[str(site)]):
        yield found.metadata  # type: ignore[misc]  # a Message, whatever the protocol is called


def of_python(about: Message) -> dict[str, Any]:
    """A Python distribution, its licence as it states it itself."""
    name, version = about["Name"].lower().replace("_", "-"), about["Version"]
    component = described("pypi", name, version, f"pkg:pypi/{name}@{quote(version)}")
    if about["License-Expression"]:
        return {**component, "licenses": [{"expression": about["License-Expression"]}]}
    prefix = "License :: OSI Approved :: "
    classified = [line for line in about.get_all("Classifier") or () if line.startswith(prefix)]
    names = [line.removeprefix(prefix) for line in classified] or (about["License"] or "").splitlines()[:1]
    return {**component, "licenses": [{"license": {"name": name}} for name in names]}


def of_debian(package: str, release: str) -> dict[str, Any]:
    """A package of Debian; its licences are many, and stand in its copyright file."""
    fields = "${Package} ${Version} ${Architecture}"
    name, version, processor = run("dpkg-query", "--show", f"--showformat={fields}", package).split()
    place = f"pkg:deb/debian/{name}@{quote(version)}?arch={processor}&distro={release}"
    return described("deb", name, version, place)


def described(kind: str, name: str, version: str, place: str) -> dict[str, Any]:
    reference = f"{kind}:{name}"
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": place}


def owners(files: Iterable[str]) -> list[str]:
    """The packages that the files belong to. Raises SystemExit for a file that no package owns."""
    # Where /usr is merged a package may know its file under either name.
    names = {path: (path, path.removeprefix("/usr") if path.startswith("/usr/") else f"/usr{path}") for path in files}
    said = run("dpkg-query", "--search", *(name for pair in names.values() for name in pair), check=False)
    found = {MADE: "ca-certificates"}
    for line in said.splitlines():
        packages, _, path = line.partition(": ")
        if not packages.startswith("diversion "):
            found[path] = packages.partition(", ")[0]
    homeless = [path for path, pair in names.items() if found.keys().isdisjoint(pair)]
    if homeless:
        raise SystemExit(f"no package owns {', '.join(homeless[:5])}")
    return sorted({found[name] for pair in names.values() for name in pair if name in found})


def keep_records(package: str, root: Path) -> None:
    """What Debian says of a package, and its licence."""
    name = package.partition(":")[0]
    status = root / STATUS / name
    status.parent.mkdir(parents=True, exist_ok=True)
    status.write_text(run("dpkg-query", "--status", package))
    licence = Path("/usr/share/doc", name, "copyright")
    target = root / str(licence)[1:]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(licence.read_bytes())


def run(*words: str, check: bool = True) -> str:
    errors = None if check else subprocess.DEVNULL
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=errors, text=True, check=check).stdout


if __name__ == "__main__":
    main()
