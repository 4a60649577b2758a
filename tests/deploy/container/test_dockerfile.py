"""Is the Dockerfile one that keeps what is promised, as far as reading it tells? `make test-image` carries it out."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from tests.deploy.container.dockerfile import Step, copied, parse
from tests.deploy.container.pod import REPOSITORY

from brimwatch.runtime.options import DEFAULT_ADDRESS
from deploy.container import assemble

FILE = REPOSITORY / "deploy" / "container" / "Dockerfile"
STAGES = parse(FILE)
PROCESSORS = re.compile(r"amd64|arm64|aarch64|x86|--platform", re.IGNORECASE)
MADE_HERE = [FILE, *FILE.parent.glob("*.py")]


def test_what_is_shipped_is_a_stage_of_its_own_without_a_base() -> None:
    assert [stage.base for stage in STAGES] == ["debian:trixie-slim", "scratch"]
    assert [copied(step)[0] for step in STAGES[-1].steps if step.word == "COPY"] == ["build"]
    assert [step for step in STAGES[-1].steps if step.word == "RUN"] == []


def test_it_runs_as_a_user_that_is_not_root_by_number() -> None:
    assert STAGES[-1].last("USER") == f"{assemble.UID}:{assemble.UID}"
    assert assemble.UID == 65532


@pytest.mark.parametrize("word", ["ENTRYPOINT", "CMD", "HEALTHCHECK"])
def test_nothing_that_it_runs_needs_a_shell(word: str) -> None:
    assert STAGES[-1].words(word)


def test_it_listens_where_the_daemon_does() -> None:
    port = DEFAULT_ADDRESS.rpartition(":")[2]
    assert STAGES[-1].last("EXPOSE") == port
    assert STAGES[-1].words("CMD")[-1] == f":{port}"
    assert port in STAGES[-1].words("HEALTHCHECK")[-1]


@pytest.mark.parametrize("path", MADE_HERE, ids=lambda path: path.name)
def test_no_step_knows_a_processor(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if PROCESSORS.search(line)] == []


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    for step in (step for stage in STAGES for step in stage.steps if step.word == "COPY"):
        origin, sources, _ = copied(step)
        for source in sources if origin is None else ():
            assert (REPOSITORY / source).exists()
            assert any(one == source or one.startswith(f"{source}/") for one in allowed), source


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("ADD https://example.org/a /a", id="a word that ours does not use"),
        pytest.param("RUN a \\", id="a line that goes on"),
        pytest.param("RUN echo $HOME", id="a variable"),
        pytest.param("FROM a b", id="a stage with something behind its base"),
    ],
)
def test_what_is_not_understood_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
    with pytest.raises(ValueError, match="Dockerfile:2: found"):
        parse(tmp_path / "Dockerfile")
    with pytest.raises(ValueError, match="not understood"):
        copied(Step("COPY", "--chown=1:1 a b", 1))


def test_a_root_has_an_interpreter_its_libraries_and_a_user_and_no_shell(small_root: Path) -> None:
    names = {path.name for path in small_root.rglob("*") if path.is_file()}
    assert {"passwd", "libc.so.6", "libgcc_s.so.1"} <= names
    assert names.isdisjoint({"sh", "bash", "dash", "busybox", "apt-get", "pip"})
    assert "brimwatch:x:65532:65532:" in (small_root / "etc/passwd").read_text()
    storage = os.stat(small_root / "var/lib/brimwatch")
    assert (storage.st_uid, stat.S_IMODE(storage.st_mode)) == (65532, 0o1777) or os.geteuid() != 0
