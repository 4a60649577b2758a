import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from brimwatch.act.sign_webhook import UnusableSecret, read_header, read_secrets, signed

# Made once by `openssl dgst -sha256 -hmac`; the key is what stands behind whsec_ in base64.
KEY = b"0123456789abcdefghijklmn"
WRITTEN = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u"
ID, TIMESTAMP, BODY = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1674087231, b'{"type":"tier_entered"}'
VECTOR = "v1,z6CMxh0rPL9MSWC89Q1omPIG4jF0phCy3web/zO+Z7c="


def by_openssl(openssl: str, key: bytes, content: bytes) -> str:
    command = [openssl, "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"]
    digest = subprocess.run(command, input=content, capture_output=True, check=True, timeout=20).stdout
    return base64.b64encode(digest).decode()


def test_a_signature_is_the_one_that_openssl_makes(component: Callable[[str], str]) -> None:
    expected = by_openssl(component("openssl"), KEY, f"{ID}.{TIMESTAMP}.".encode() + BODY)
    assert signed([KEY], ID, TIMESTAMP, BODY) == f"v1,{expected}" == VECTOR


def test_each_secret_makes_a_signature_of_its_own() -> None:
    both = signed([b"old", KEY], ID, TIMESTAMP, BODY).split(" ")
    assert both == [signed([b"old"], ID, TIMESTAMP, BODY), VECTOR]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(f"{WRITTEN}\n", (KEY,), id="the form of Standard Webhooks"),
        pytest.param("plain words\n", (b"plain words",), id="any other text as it stands"),
        pytest.param(f"\n{WRITTEN}\r\n\n  old \n", (KEY, b"old"), id="one a line, while a secret is replaced"),
    ],
)
def test_what_a_secret_file_holds(tmp_path: Path, content: str, expected: tuple[bytes, ...]) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    assert read_secrets(str(path)) == expected


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"", "holds 0 secrets, wanted 1 to 8, one a line", id="nothing"),
        pytest.param(b"x\n" * 9, "holds 9 secrets, wanted 1 to 8, one a line", id="too many"),
        pytest.param(b"whsec_tell me", "holds a secret that is no base64 behind whsec_", id="no base64"),
        pytest.param(b"whsec_", "holds a secret that is no base64 behind whsec_", id="an empty secret"),
        pytest.param(b"x" * 65537, "is larger than 64 KiB", id="a file of another sort"),
        pytest.param(None, "cannot be read: No such file or directory", id="no file"),
    ],
)
def test_a_secret_that_cannot_be_used_names_its_file_only(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableSecret) as caught:
        read_secrets(str(path))
    assert str(caught.value) == f"{path} {fault}"


def test_something_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(UnusableSecret, match="is no regular file"):
            read_secrets(str(path))


def test_a_mounted_secret_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("t0ken\n")
    (tmp_path / "token").symlink_to("..data/token")
    assert read_header(str(tmp_path / "token")) == "t0ken"


@pytest.mark.parametrize("content", ["", "two\nlines", "a\0b", "\xe4", "x" * 9000])
def test_a_header_from_a_file_is_one_line_of_plain_text(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UnusableSecret) as caught:
        read_header(str(path))
    assert str(caught.value) == f"{path} holds no value of a header, wanted one line of printable ASCII"
