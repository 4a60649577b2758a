"""How is an image built where no engine is? Each step of the Dockerfile is carried out in a root, RUN under runc.

The base `debian:SUITE-slim` is a root that debootstrap made of the same suite, `scratch` is an empty folder. What a
build gets from outside (packages, wheels) it gets over the network and the folder of wheels that it is given.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tarfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.container.dockerfile import Stage, Step, copied
from tests.deploy.container.runc import Box, bind, configuration, write_bundle

# What a build's steps hold, as in Docker's documentation ("Runtime privilege and Linux capabilities").
CAPABILITIES = """
    CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_BIND_SERVICE
    CAP_NET_RAW CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT
"""
DONE_LATER = ("ENV", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD")  # of the image, not of the build


@dataclass
class Builder:
    """Builds stages below `folder`. `bases`: roots by the name after FROM; `wheels`: where pip finds what it needs."""

    context: Path
    folder: Path
    bases: dict[str, Path]
    wheels: Path
    runc: str
    roots: dict[str, Path] = field(default_factory=dict)

    def build(self, stage: Stage, number: int) -> Path:
        """Carry out all steps of a stage; the root that came of them."""
        root = self.folder / f"stage-{number}"
        if stage.base == "scratch":
            root.mkdir()
        else:
            subprocess.run(["cp", "-a", "--reflink=auto", self.bases[stage.base], root], check=True)
        self.roots[stage.name or str(number)] = root
        for step in stage.steps:
            if step.word == "RUN":
                self.run(root, step)
            elif step.word == "COPY":
                self.copy(root, step)
            elif step.word not in DONE_LATER:
                raise ValueError(f"line {step.line}: {step.word} is not understood here")
        return root

    def run(self, root: Path, step: Step) -> None:
        """A RUN in its shell form, as root of the container. Raises RuntimeError with what it said."""
        name = f"brimwatch-build-{uuid.uuid4().hex[:8]}"
        (root / "wheels").mkdir(exist_ok=True)
        box = Box(
            ["/bin/sh", "-c", step.rest],
            uid=0,
            gid=0,
            capabilities=CAPABILITIES.split(),
            mounts=[bind(self.wheels, "/wheels"), bind(Path("/etc/resolv.conf"), "/etc/resolv.conf")],
            environ={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "DEBIAN_FRONTEND": "noninteractive"},
            read_only=False,
        )
        write_bundle(self.folder / name, configuration(box, root, name, None))
        words = [self.runc, "--root", f"{self.folder}/state", "run", "--bundle", f"{self.folder}/{name}", name]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace")[-3000:]
            raise RuntimeError(f"line {step.line}: RUN {step.rest}: exit code {done.returncode}\n{said}")

    def copy(self, root: Path, step: Step) -> None:
        """A COPY: of a folder its content; several sources into a folder; links are kept."""
        origin, sources, target = copied(step)
        ground = self.context if origin is None else self.roots[origin]
        into = root / target.lstrip("/")
        for source in sources:
            found = ground / source.lstrip("/")
            if found.is_dir():
                into.mkdir(parents=True, exist_ok=True)
                tar = f"tar -C '{found}' --exclude=__pycache__ -cf - . | tar -C '{into}' -xpf -"
                if origin is not None:
                    tar = tar.replace(" --exclude=__pycache__", "")  # byte code of the image is meant
                subprocess.run(["bash", "-o", "pipefail", "-c", tar], check=True)
            else:
                place = into / found.name if target.endswith("/") else into
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, place)


def layer(root: Path, target: Path) -> int:
    """The root as one compressed layer, as a registry holds it; its size in bytes."""
    with gzip.open(target, "wb", compresslevel=6) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        archive.add(root, arcname=".")
    return os.stat(target).st_size


def biggest(root: Path, depth: int = 5, count: int = 12) -> list[tuple[int, str]]:
    """What fills a root: the largest folders of that depth, in bytes."""
    sizes: dict[str, int] = {}
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            place = "/".join(path.relative_to(root).parts[:depth])
            sizes[place] = sizes.get(place, 0) + path.stat().st_size
    return sorted(((size, place) for place, size in sizes.items()), reverse=True)[:count]
