"""Is what systemd hands over found, and nothing else taken for it?"""

from pathlib import Path

from brimwatch.config.credentials import TOKEN, find_credential, is_credential


def test_a_credential_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / TOKEN).write_text("secret")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert find_credential(TOKEN, environ) == f"{tmp_path}/brimwatch.token"
    assert find_credential("another", environ) is None


def test_without_systemd_there_is_none(tmp_path: Path) -> None:
    assert find_credential(TOKEN, {}) is None
    assert find_credential(TOKEN, {"CREDENTIALS_DIRECTORY": "relative"}) is None
    assert is_credential("/etc/brimwatch/token", {}) is False


def test_only_a_file_in_the_folder_is_one(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": f"{tmp_path}/"}
    assert is_credential(f"{tmp_path}/anything", environ) is True
    assert is_credential(f"{tmp_path}/below/anything", environ) is False
    assert is_credential(f"{tmp_path}/../elsewhere", environ) is False
