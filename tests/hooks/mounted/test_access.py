"""Who may look, and who may have hooks run?"""

import os
from pathlib import Path

import pytest
from tests.hooks.mounted.mounting import TOKEN, token_file

from brimwatch.hooks.mounted.access import VARIABLE, Access, Asked, is_loopback, names_loopback

HERE = {"host": "localhost:8000"}
BEARER = {"authorization": f"Bearer {TOKEN}"}
WRONG = {"authorization": "Bearer something-else-altogether"}


def refused(access: Access, change: bool, peer: str | None = "127.0.0.1", **headers: str) -> int | None:
    found = access.refuse(change, Asked(peer, [(name.replace("_", "-"), value) for name, value in headers.items()]))
    return None if found is None else found.status


LOOK, POST = False, True


@pytest.mark.parametrize(
    ("expected", "change", "peer", "headers"),
    [
        pytest.param(None, LOOK, "127.0.0.1", HERE, id="who is here may look without a token"),
        pytest.param(401, POST, "127.0.0.1", HERE, id="who is here may not post without a token"),
        pytest.param(None, POST, "127.0.0.1", {**HERE, **BEARER}, id="who is here may post with the token"),
        pytest.param(401, POST, "127.0.0.1", {**HERE, **WRONG}, id="a wrong token posts nothing"),
        pytest.param(401, LOOK, "127.0.0.1", {**HERE, **WRONG}, id="a wrong token shows nothing"),
        pytest.param(401, LOOK, "192.0.2.7", {"host": "shop"}, id="who is elsewhere may not look without the token"),
        pytest.param(None, LOOK, "192.0.2.7", {"host": "shop", **BEARER}, id="who is elsewhere looks with the token"),
        pytest.param(None, POST, "192.0.2.7", {"host": "shop", **BEARER}, id="who is elsewhere posts with the token"),
        pytest.param(401, LOOK, "", HERE, id="a peer behind a Unix socket is not known to be here"),
        pytest.param(401, LOOK, None, HERE, id="a peer without an address is not known to be here"),
        pytest.param(None, POST, "", {"host": "shop", **BEARER}, id="a token is good over a Unix socket"),
        pytest.param(
            401, POST, "127.0.0.1", {**HERE, "authorization": f"Basic {TOKEN}"}, id="the token is a bearer token"
        ),
        pytest.param(
            403, POST, "127.0.0.1", {**HERE, **BEARER, "origin": "http://evil.example"}, id="a page elsewhere posts not"
        ),
        pytest.param(403, POST, "127.0.0.1", {**HERE, **BEARER, "origin": "null"}, id="nor does one without an origin"),
        pytest.param(
            403,
            POST,
            "127.0.0.1",
            {**HERE, **BEARER, "sec_fetch_site": "cross-site"},
            id="nor one the browser tells of",
        ),
        pytest.param(
            None, POST, "127.0.0.1", {**HERE, **BEARER, "origin": "http://localhost:8000"}, id="a page of ours may post"
        ),
        pytest.param(403, LOOK, "127.0.0.1", {"host": "evil.example"}, id="a name that was bound anew shows nothing"),
        pytest.param(403, LOOK, "127.0.0.1", {}, id="a request without a Host shows nothing"),
    ],
)
def test_with_a_token_file(tmp_path: Path, expected: int, change: bool, peer: str, headers: dict[str, str]) -> None:
    assert refused(Access(token_file(tmp_path)), change, peer, **headers) == expected


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "via", "x_real_ip", "x_forwarded_proto"])
def test_what_was_forwarded_does_not_come_from_here(tmp_path: Path, header: str) -> None:
    access = Access(token_file(tmp_path), local=True)
    assert refused(access, LOOK, **HERE) is None
    assert refused(access, LOOK, **HERE, **{header: "127.0.0.1"}) == 401
    assert refused(access, POST, **HERE, **{header: "127.0.0.1"}) == 401


def test_local_lets_who_is_here_post_and_nobody_else(tmp_path: Path) -> None:
    for access in (Access(None, local=True), Access(token_file(tmp_path), local=True)):
        assert refused(access, POST, **HERE) is None
        assert refused(access, POST, host="evil.example") == 403
        assert refused(access, POST, **HERE, origin="http://evil.example") == 403
        assert refused(access, POST, "192.0.2.7", **HERE) in (401, 403)


def test_without_a_token_nobody_posts_and_only_who_is_here_looks() -> None:
    access = Access(None)
    assert refused(access, LOOK, **HERE) is None
    assert refused(access, POST, **HERE, **BEARER) == 403
    assert refused(access, LOOK, "192.0.2.7", **BEARER) == 403


def test_open_stats_shows_to_everybody_and_lets_nobody_post(tmp_path: Path) -> None:
    access = Access(token_file(tmp_path), open_stats=True)
    assert refused(access, LOOK, "192.0.2.7", host="shop") is None
    assert refused(access, POST, "192.0.2.7", host="shop") == 401


def test_two_hosts_are_none() -> None:
    asked = Asked("127.0.0.1", [("host", "localhost"), ("host", "evil.example")])
    assert (asked.host, Access(None).refuse(LOOK, asked) is None) == (None, False)


def test_the_variable_names_the_file_and_the_argument_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, token_file(tmp_path))
    assert refused(Access(), POST, **HERE, **BEARER) is None
    (tmp_path / "other").write_text("another-token-of-some-length")
    assert refused(Access(str(tmp_path / "other")), POST, **HERE, **BEARER) == 401


def test_a_token_that_changes_is_the_new_one_from_then_on(tmp_path: Path) -> None:
    access = Access(token_file(tmp_path))
    assert refused(access, POST, **HERE, **BEARER) is None
    (tmp_path / "new").write_text("the-new-token-of-today-12345\n")
    os.rename(tmp_path / "new", tmp_path / "token")
    assert refused(access, POST, **HERE, **BEARER) == 401
    assert refused(access, POST, **HERE, authorization="bearer  the-new-token-of-today-12345") is None


@pytest.mark.parametrize("content", ["", "\n\n", "short"], ids=["empty", "only blank lines", "shorter than 16"])
def test_a_file_without_a_token_is_good_for_nothing(tmp_path: Path, content: str) -> None:
    access = Access(token_file(tmp_path, content))
    assert refused(access, POST, **HERE, authorization=f"Bearer {content.strip()}") == 403


def test_a_file_that_cannot_be_read_is_good_for_nothing(tmp_path: Path) -> None:
    assert refused(Access(str(tmp_path / "nowhere")), POST, **HERE, **BEARER) == 403
    assert refused(Access(str(tmp_path)), POST, **HERE, **BEARER) == 403
    os.mkfifo(tmp_path / "pipe")
    assert refused(Access(str(tmp_path / "pipe")), POST, **HERE, **BEARER) == 403


def test_a_token_of_any_characters_is_compared_and_does_not_raise(tmp_path: Path) -> None:
    assert refused(Access(token_file(tmp_path)), POST, **HERE, authorization="Bearer \u20ac\xff" + TOKEN) == 401


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("LOCALHOST:80", True), ("shop.localhost", True), ("127.0.0.1:9", True), ("[::1]:9", True),
        ("[::1]", True), ("localhost.", True), ("127.8.9.1", True), ("[::ffff:127.0.0.1]:80", True),
        ("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("evil.example:80", False), ("", False),
        ("localhost:x", False), ("[::1", False), ("]", False), ("x[::1]", False), ("192.0.2.7", False), (None, False),
        ("127.1", False), ("0.0.0.0", False), ("localhost:80:90", False), ("::1", False),
    ],
)  # fmt: skip
def test_a_host_that_names_this_machine_for_itself(host: str | None, expected: bool) -> None:
    assert names_loopback(host) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False), ("", False), (None, False), ("unix:", False), ("127.0.0.1, 192.0.2.7", False),
    ],
)  # fmt: skip
def test_an_address_of_this_machine_alone(address: str | None, expected: bool) -> None:
    assert is_loopback(address) is expected
