"""Does the Dockerfile make the image that it should? Its steps are carried out, and what came of them is run.

`make test-image` does: it takes minutes and the network. `test_dockerfile.py` is what `make test` has of it.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.conftest import find_component
from tests.deploy.container.builder import Builder, biggest, layer
from tests.deploy.container.dockerfile import Stage, parse
from tests.deploy.container.pod import REPOSITORY, Pod, write_volume
from tests.deploy.container.runc import Box, bind, tmpfs
from tests.live.daemon_run import Daemon

from deploy.container import assemble, sbom

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PARTS = os.environ.get("BRIMWATCH_IMAGE_PARTS", "")
if not PARTS:
    reason = "the image takes minutes and the network to build: `make test-image` does, and runs this"
    pytest.skip(reason, allow_module_level=True)

MOST = 60_000_000  # bytes, compressed
NO_PROGRAMS = {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "pip3", "perl", "su", "mount"}
CONFIG = r"""
global: {interval: 100ms}
targets: [{name: app, match: {cmdline: 'hooked\.py'}, policy: p}]
policies:
  p: {tiers: {critical: {when: {rss: 100MB}, tell: [stacks], do: [reclaim]}}}
"""


class Image(NamedTuple):
    """What was built: its root, and what its last stage says of how to run it."""

    root: Path
    last: Stage
    size: int

    def box(self, arguments: list[str], **options: Any) -> Box:
        words = [*self.last.words("ENTRYPOINT"), *arguments]
        return Box(words, environ=self.last.environ(), **options)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    base = Path(PARTS).resolve()
    stages = parse(REPOSITORY / "deploy" / "container" / "Dockerfile")
    bases = {"debian:trixie-slim": base / "base"}
    builder = Builder(REPOSITORY, folder, bases, base / "wheels", find_component("runc"))
    roots = [builder.build(stage, number) for number, stage in enumerate(stages)]
    yield Image(roots[-1], stages[-1], layer(roots[-1], folder / "layer.tar.gz"))
    shutil.rmtree(folder)


def names(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if not path.is_symlink())


def test_it_is_small(image: Image) -> None:
    filling = ", ".join(f"{place} {size / 1e6:.1f} MB" for size, place in biggest(image.root, count=6))
    whole = sum(path.stat().st_size for path in names(image.root) if path.is_file())
    print(f"\nthe image: {image.size / 1e6:.1f} MB compressed, {whole / 1e6:.1f} MB unpacked; of that {filling}")
    assert image.size < MOST


def test_nothing_is_in_it_that_an_intruder_would_use(image: Image) -> None:
    programs = {path.name for path in image.root.rglob("*") if path.is_symlink() or path.stat().st_mode & 0o100}
    assert {path for path in programs if path in NO_PROGRAMS and path != "dpkg"} == set()
    raised = [path for path in names(image.root) if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    assert raised == []
    open_to_all = {str(path.relative_to(image.root)) for path in names(image.root) if path.stat().st_mode & 0o002}
    assert open_to_all == {"tmp", "var/lib/brimwatch"}  # both sticky, and read-only where the root is


def test_it_runs_as_it_says_and_is_healthy(image: Image, pod: Pod, wait_until: Any, free_port: Any) -> None:
    port = free_port()
    assert image.last.last("USER") == f"{assemble.UID}:{assemble.UID}"
    words = [word.replace(":9847", f"127.0.0.1:{port}") for word in image.last.words("CMD")]
    user = {"uid": assemble.UID, "gid": assemble.UID}
    box = image.box([*words, "--log.format", "json"], **user, mounts=[tmpfs("/var/lib/brimwatch")])
    log = Path(image.root.parent / "run.log")
    with log.open("wb") as file:
        daemon = Daemon(pod.start("run", box, image.root, stderr=file), f"http://127.0.0.1:{port}", log)
    wait_until(daemon.ready, 30)
    health = [word.replace("9847", str(port)) for word in image.last.words("HEALTHCHECK")]
    assert pod.execute("run", health) == 0
    assert pod.execute("run", [word.replace(str(port), str(free_port())) for word in health]) == 1
    assert {one["event"] for one in daemon.log()}.isdisjoint({"journal_failed", "artefact_failed"})
    resident = daemon.metric("process_resident_memory_bytes") or 0
    print(f"\nthe daemon at rest: {resident / 1e6:.1f} MB resident")
    assert 0 < resident < 50_000_000


def test_it_is_a_sidecar(image: Image, pod: Pod, tmp_path: Path, wait_until: Any, free_port: Any) -> None:
    app, port = pod.hooked(Box([])), free_port()
    app.take(150)
    words = ["run", "--config.file", "/config/brimwatch.yaml", "--web.listen-address", f"127.0.0.1:{port}"]
    mounts = [bind(write_volume(tmp_path, CONFIG), "/config"), tmpfs("/var/lib/brimwatch")]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = pod.start("sidecar", image.box(words, mounts=mounts), image.root, stderr=file)
    daemon = Daemon(process, f"http://127.0.0.1:{port}", log)
    wait_until(daemon.ready, 30)
    wait_until(lambda: len(daemon.events("action_ran")) == 2, 20)
    done = {one["facts"]["action"]: one["facts"] for one in daemon.events("action_ran")}
    assert done.keys() == {"stacks", "reclaim"}
    assert "piles (150.0 MB claimed)" in done["reclaim"]["detail"]


def test_it_hands_the_hooks_to_an_image_that_cannot_be_rebuilt(image: Image, pod: Pod, tmp_path: Path) -> None:
    shared = tmp_path / "hooks"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    box = image.box(["hooks", "export", "/hooks"], mounts=[bind(shared, "/hooks", writable=True)])
    assert pod.start("init", box, image.root).wait(30) == 0
    assert (shared / "sitecustomize.py").exists()
    assert (shared / "lib" / "brimwatch" / "hooks" / "__init__.py").exists()


def test_its_bill_of_materials_names_all_that_is_in_it(image: Image) -> None:
    bill = json.loads((image.root / sbom.PLACE).read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {one["bom-ref"]: one for one in bill["components"]}
    assert len(found) == len(bill["components"])
    (site,) = image.root.glob("opt/brimwatch/lib/python3*/site-packages")
    installed = {one.metadata["Name"].lower().replace("_", "-") for one in metadata.distributions(path=[str(site)])}
    python = {one["name"] for one in bill["components"] if one["purl"].startswith("pkg:pypi/")}
    assert python == installed - {"brimwatch"}
    assert bill["metadata"]["component"]["name"] == "brimwatch"
    debian = {one["name"] for one in bill["components"] if one["purl"].startswith("pkg:deb/debian/")}
    assert {"libc6", "libssl3t64", "ca-certificates"} <= debian
    assert {path.name for path in (image.root / sbom.STATUS).iterdir()} == debian
    assert all((image.root / "usr/share/doc" / name / "copyright").exists() for name in debian)
    unlicensed = [
        one["name"] for one in bill["components"] if one["purl"].startswith("pkg:pypi") and not one["licenses"]
    ]
    assert unlicensed == []
    print(
        f"\nthe bill of materials: {len(python)} Python distributions, {len(debian)} packages of Debian",
        file=sys.stderr,
    )
