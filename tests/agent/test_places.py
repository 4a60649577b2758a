"""Where are agents looked for, and which run directory is none?"""

import os
from pathlib import Path

from brimwatch.agent.places import directories, doubt_run_dir
from brimwatch.cli.check_config import describe
from brimwatch.config.settings import Config


def test_the_configured_one_comes_first_then_the_fixed_list_of_the_user() -> None:
    assert directories("/srv/run", 1000, {"XDG_RUNTIME_DIR": "/run/user/0"}) == (
        "/srv/run", "/run/brimwatch", "/tmp/brimwatch-1000", "/run/user/1000/brimwatch",
    )  # fmt: skip
    assert directories("/run/brimwatch", 0, {"BRIMWATCH_RUN_DIR": "/srv/run"})[:2] == ("/run/brimwatch", "/srv/run")


def test_a_directory_that_agents_pass_over_is_noted(tmp_path: Path) -> None:
    place = tmp_path / "run"
    assert doubt_run_dir(str(place)) is None
    place.mkdir()
    assert doubt_run_dir(str(place)) is None
    place.chmod(0o777)
    assert doubt_run_dir(str(place)) == "has mode 0777: others can replace what is in it"
    assert describe(Config((), {}, {}, run_dir=str(place)))[-1] == (
        f"note: run_dir {place} has mode 0777: others can replace what is in it; "
        "agents pass it over for other places, see docs/hooks.md"
    )
    place.chmod(0o1777)
    assert doubt_run_dir(str(place)) is None
    (tmp_path / "file").write_text("")
    assert doubt_run_dir(str(tmp_path / "file")) == "is no directory"
    assert doubt_run_dir(str(tmp_path / "file" / "run")) == os.strerror(20)
