"""Who is let in, and who is not?"""

import base64
import os
from pathlib import Path

import pytest

from brimwatch.errors import UsageError
from brimwatch.web.auth import Access, Asked, Need, asked, is_loopback, names_loopback

TOKEN = "a-long-and-secret-token"
HERE = Asked("127.0.0.1", "127.0.0.1:9847")
AWAY = Asked("10.0.0.7", "brimwatch.example:9847")


def bearer(token: str) -> str:
    return f"Bearer {token}"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


def status(access: Access, need: Need, request: Asked) -> int:
    refusal = access.refuse(need, request)
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("need", "request_", "expected"),
    [
        (Need.NOTHING, HERE, 200),
        (Need.NOTHING, AWAY, 200),
        (Need.NOTHING, Asked(None), 200),
        (Need.VIEW, HERE, 200),
        (Need.VIEW, HERE._replace(host="localhost:9847"), 200),
        (Need.VIEW, Asked("::1", "[::1]:9847"), 200),
        (Need.VIEW, AWAY, 403),
        (Need.VIEW, Asked(None, "localhost"), 403),
        (Need.VIEW, HERE._replace(host="evil.example"), 403),
        (Need.VIEW, HERE._replace(host=None), 403),
        (Need.VIEW, HERE._replace(forwarded=True), 403),
        (Need.VIEW, HERE._replace(authorization=bearer("whatever")), 200),
        (Need.CHANGE, HERE, 403),
        (Need.CHANGE, AWAY, 403),
    ],
    ids=[
        "health over loopback",
        "health from elsewhere",
        "health from nobody knows where",
        "the page over loopback",
        "the page as localhost",
        "the page over IPv6 loopback",
        "the page from elsewhere",
        "the page from nobody knows where",
        "the page under a name that was made to point here",
        "the page without a Host header",
        "the page through a proxy on this machine",
        "a token where none is configured says nothing",
        "a reload over loopback",
        "a reload from elsewhere",
    ],
)
def test_without_a_token(need: Need, request_: Asked, expected: int) -> None:
    assert status(Access(), need, request_) == expected


@pytest.mark.parametrize(
    ("need", "request_", "expected"),
    [
        (Need.CHANGE, HERE, 200),
        (Need.CHANGE, HERE._replace(origin="http://127.0.0.1:9847"), 200),
        (Need.CHANGE, HERE._replace(origin="http://evil.example"), 403),
        (Need.CHANGE, HERE._replace(origin="http://127.0.0.1:8000"), 403),
        (Need.CHANGE, HERE._replace(origin="null"), 403),
        (Need.CHANGE, HERE._replace(host="evil.example", origin="http://evil.example"), 403),
        (Need.CHANGE, HERE._replace(forwarded=True), 403),
        (Need.CHANGE, AWAY, 403),
    ],
    ids=[
        "a reload over loopback",
        "a reload by our own page",
        "a reload by a page elsewhere",
        "a reload by a page of another port",
        "a reload by a page without an origin of its own",
        "a reload by a name that was made to point here",
        "a reload through a proxy",
        "a reload from elsewhere",
    ],
)
def test_with_lifecycle_enabled(need: Need, request_: Asked, expected: int) -> None:
    assert status(Access(lifecycle=True), need, request_) == expected


@pytest.mark.parametrize(
    ("need", "request_", "expected"),
    [
        (Need.VIEW, HERE, 200),
        (Need.VIEW, AWAY, 401),
        (Need.VIEW, AWAY._replace(authorization=bearer(TOKEN)), 200),
        (Need.VIEW, AWAY._replace(authorization=f"bearer  {TOKEN} "), 200),
        (Need.VIEW, AWAY._replace(authorization=basic(TOKEN)), 200),
        (Need.VIEW, AWAY._replace(authorization=basic("wrong")), 401),
        (Need.VIEW, AWAY._replace(authorization=bearer("wrong")), 401),
        (Need.VIEW, AWAY._replace(authorization=bearer("")), 401),
        (Need.VIEW, AWAY._replace(authorization=bearer("käse")), 401),
        (Need.VIEW, AWAY._replace(authorization="Basic ???"), 401),
        (Need.VIEW, AWAY._replace(authorization="Digest x"), 401),
        (Need.VIEW, HERE._replace(authorization=bearer("wrong")), 401),
        (Need.CHANGE, HERE, 401),
        (Need.CHANGE, HERE._replace(authorization=bearer(TOKEN)), 200),
        (Need.CHANGE, AWAY._replace(authorization=bearer(TOKEN)), 200),
        (Need.CHANGE, AWAY._replace(authorization=basic(TOKEN), origin="http://evil.example"), 403),
    ],
    ids=[
        "the page over loopback needs no token",
        "the page from elsewhere does",
        "shown as bearer token",
        "the scheme in lower case, with blanks",
        "shown as password",
        "a wrong password",
        "a wrong token",
        "an empty token",
        "a token that is no ASCII",
        "basic auth that is none",
        "a scheme that is not taken",
        "a wrong token over loopback",
        "a reload over loopback without it, lifecycle or not",
        "a reload over loopback with it",
        "a reload from elsewhere with it",
        "a reload by a page elsewhere that lets the browser show the password",
    ],
)
def test_with_a_token(token_file: Path, need: Need, request_: Asked, expected: int) -> None:
    assert status(Access(str(token_file), lifecycle=True), need, request_) == expected


def test_a_new_token_counts_at_once_and_the_old_one_no_more(token_file: Path) -> None:
    access = Access(str(token_file))
    new = token_file.with_name("new")
    new.write_text("another-secret-token")
    os.replace(new, token_file)

    assert status(access, Need.VIEW, AWAY._replace(authorization=bearer("another-secret-token"))) == 200
    assert status(access, Need.VIEW, AWAY._replace(authorization=bearer(TOKEN))) == 401


@pytest.mark.parametrize("content", [None, "", "\n"], ids=["gone", "empty", "a blank line"])
def test_while_the_file_says_nothing_no_token_is_good(token_file: Path, content: str | None) -> None:
    access = Access(str(token_file))
    if content is None:
        token_file.unlink()
    else:
        token_file.write_text(content)

    for given in (TOKEN, ""):
        assert status(access, Need.VIEW, AWAY._replace(authorization=bearer(given))) == 401


def test_a_token_file_that_vanishes_is_told_once_and_again_after_it_was_there(token_file: Path) -> None:
    access, told = Access(str(token_file)), []
    access.warn = told.append
    asked = AWAY._replace(authorization=bearer(TOKEN))
    for content in (None, None, TOKEN, None):
        token_file.unlink(missing_ok=True)
        if content is not None:
            token_file.write_text(content)
        status(access, Need.VIEW, asked)

    lost = "cannot be read any more (No such file or directory); until it can, no token is good"
    assert told == [f"the token file {token_file} {lost}"] * 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "--web.token-file {file}: No such file or directory; wanted a readable file"),
        (" \n", "--web.token-file {file}: empty; wanted a token in the first line"),
    ],
    ids=["no file", "an empty file"],
)
def test_at_the_start_an_unusable_file_is_bad_usage(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    with pytest.raises(UsageError) as raised:
        Access(str(file))
    assert str(raised.value) == said.format(file=file)


def test_a_file_that_others_may_read_and_a_short_token_are_told(token_file: Path) -> None:
    assert Access(str(token_file)).findings() == ()
    assert Access().findings() == ()

    token_file.write_text("short")
    token_file.chmod(0o644)
    assert Access(str(token_file)).findings() == (
        f"the token file {token_file} may be read by others (mode 0644); 0600 keeps it secret",
        f"the token in {token_file} is shorter than 16 characters and could be guessed",
    )


def test_the_mode_of_a_credential_is_systemds_business(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token_file.chmod(0o440)  # what an access control list looks like
    assert len(Access(str(token_file)).findings()) == 1
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(token_file.parent))
    assert Access(str(token_file)).findings() == ()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("127.evil.example", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_addresses(address: str | None, expected: bool) -> None:
    assert is_loopback(address) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LocalHost.:80", True),
        ("brim.localhost:9847", True),
        ("127.0.0.1", True),
        ("127.0.0.1:9847", True),
        ("[::1]", True),
        ("[::1]:9847", True),
        ("127.0.0.evil.example", False),
        ("127.0.0.x", False),
        ("localhost.evil.example", False),
        ("localhost@evil.example", False),
        ("localhost:evil", False),
        ("evil.example:80", False),
        ("[::2]", False),
        ("", False),
        (None, False),
    ],
)
def test_host_headers_that_name_this_machine(host: str | None, expected: bool) -> None:
    assert names_loopback(host) == expected


def test_a_request_is_read_from_its_headers() -> None:
    headers = [
        (b"host", b"a"),
        (b"authorization", b"Bearer \xe4"),
        (b"origin", b"http://a"),
        (b"x-forwarded-for", b"b"),
    ]

    assert asked("::1", headers) == Asked("::1", "a", "Bearer ä", "http://a", True)
    assert asked(None, []) == Asked(None)
