"""Has the configuration changed? Content decides, however the file was replaced."""

import os
from pathlib import Path

import pytest

from brimwatch.runtime.reload import ConfigFile


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "brimwatch.yaml"
    path.write_text("targets: []\n")
    return path


def test_an_untouched_file_has_not_changed(config: Path) -> None:
    assert ConfigFile(str(config)).changed() is False


def test_a_file_written_in_place_has_changed_until_it_is_taken(config: Path) -> None:
    file = ConfigFile(str(config))
    config.write_text("targets: [1]\n")
    assert file.changed() is True
    file.seen()
    assert file.changed() is False


def test_a_file_that_was_only_touched_has_not_changed(config: Path) -> None:
    file = ConfigFile(str(config))
    os.utime(config, (1, 1))
    assert file.changed() is False


def test_a_file_renamed_over_it_as_editors_do_has_changed(config: Path) -> None:
    file = ConfigFile(str(config))
    other = config.with_suffix(".new")
    other.write_text("targets: [2]\n")
    other.rename(config)
    assert file.changed() is True


def test_a_configmap_whose_data_symlink_is_swapped_has_changed(tmp_path: Path) -> None:
    for version in ("..v1", "..v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "brimwatch.yaml").write_text(f"# {version}\n")
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "brimwatch.yaml").symlink_to("..data/brimwatch.yaml")
    file = ConfigFile(str(tmp_path / "brimwatch.yaml"))
    (tmp_path / "..data_tmp").symlink_to("..v2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert file.changed() is True


def test_a_file_that_is_gone_has_not_changed_so_that_the_last_good_one_stays(config: Path) -> None:
    file = ConfigFile(str(config))
    config.unlink()
    assert file.changed() is False


def test_same_size_and_time_but_other_content_is_seen_by_its_change_time(config: Path) -> None:
    file = ConfigFile(str(config))
    stat = config.stat()
    config.write_text("targets: {}\n")
    os.utime(config, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.changed() is True
