"""Is the format of Prometheus exporters taken as documented, and is all that is not taken refused with a reason?"""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.web.certificates import Authority
from tests.web.refusals import CASES, HASH

from brimwatch.errors import ConfigError
from brimwatch.web.webconfig import Rate, WebConfig, load_web_config

TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a server's and another certificate, and a key with a passphrase."""
    folder = tmp_path_factory.mktemp("made")
    authority = Authority(folder)
    _, key = authority.issue("server")
    authority.issue("other")
    authority.encrypt(key)
    return folder


@pytest.fixture
def read(made: Path) -> Callable[[str], WebConfig]:
    def load(text: str) -> WebConfig:
        path = made / "web.yml"
        path.write_text(text)
        return load_web_config(str(path), set())

    return load


@pytest.fixture
def refused(read: Callable[[str], WebConfig], made: Path) -> Callable[[str], list[str]]:
    """Every fault of a text, without the file's name."""

    def faults(text: str) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            read(text)
        return [fault.removeprefix(f"{made}/web.yml:") for fault in raised.value.faults]

    return faults


def context(config: WebConfig) -> ssl.SSLContext:
    assert config.tls is not None
    return config.tls


def test_a_certificate_and_its_key_make_tls_from_version_1_2_on(read: Callable[[str], WebConfig]) -> None:
    tls = context(read(TLS))

    assert (tls.minimum_version, tls.maximum_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert tls.verify_mode == ssl.CERT_NONE
    assert tls.options & ssl.OP_CIPHER_SERVER_PREFERENCE


def test_every_file_that_is_read_is_known_for_the_next_look(made: Path) -> None:
    path, seen = made / "web.yml", set[str]()
    path.write_text(TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n")
    load_web_config(str(path), seen)

    assert seen == {str(made / name) for name in ("web.yml", "server.crt", "server.key", "ca.crt")}


def test_pem_may_stand_in_the_file_itself(read: Callable[[str], WebConfig], made: Path) -> None:
    def block(name: str) -> str:
        return "".join(f"    {line}\n" for line in (made / name).read_text().splitlines())

    text = f"tls_server_config:\n  cert: |\n{block('server.crt')}  key: |\n{block('server.key')}"

    assert context(read(text)).cert_store_stats() == {"x509": 0, "crl": 0, "x509_ca": 0}


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("NoClientCert", ssl.CERT_NONE),
        ("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL),
        ("RequireAndVerifyClientCert", ssl.CERT_REQUIRED),
    ],
)
def test_client_certificates(read: Callable[[str], WebConfig], name: str, mode: ssl.VerifyMode) -> None:
    authority = "" if mode is ssl.CERT_NONE else "  client_ca_file: ca.crt\n"

    assert context(read(f"{TLS}  client_auth_type: {name}\n{authority}")).verify_mode == mode


def test_versions_ciphers_and_curve_are_those_that_are_written(read: Callable[[str], WebConfig]) -> None:
    text = (
        "  min_version: TLS12\n  max_version: TLS12\n  prefer_server_cipher_suites: false\n"
        "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]\n"
        "  curve_preferences: [X25519]\n"
    )
    tls = context(read(TLS + text))

    assert tls.maximum_version == ssl.TLSVersion.TLSv1_2
    assert [one["name"] for one in tls.get_ciphers() if one["protocol"] == "TLSv1.2"] == [
        "ECDHE-ECDSA-AES256-GCM-SHA384"
    ]
    assert not tls.options & ssl.OP_CIPHER_SERVER_PREFERENCE


def test_users_headers_and_rate(read: Callable[[str], WebConfig], made: Path) -> None:
    config = read(
        f"basic_auth_users:\n  alice: {HASH}\n  'bob smith': '{HASH.replace('$2y', '$2b')}'\n"
        "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: ''\n"
        "    Strict-Transport-Security: max-age=600\nrate_limit: {interval: 500ms, burst: 20}\n"
    )

    assert config.users == {"alice": HASH, "bob smith": HASH.replace("$2y", "$2b")}
    assert config.headers == ((b"x-frame-options", b"deny"), (b"strict-transport-security", b"max-age=600"))
    assert config.rate == Rate(0.5, 20)  # type: ignore[arg-type]
    assert config.findings == (
        f"{made}/web.yml: http2 is on, but only HTTP/1.1 is spoken here; clients agree on that by themselves",
        f"{made}/web.yml: basic_auth_users without TLS: passwords travel readable",
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n\n", "{}", "tls_server_config:\nbasic_auth_users: {}\n", "rate_limit: {interval: 0}"],
    ids=["empty", "comments", "an empty mapping", "empty sections", "no rate"],
)  # fmt: skip
def test_a_file_that_asks_for_nothing_changes_nothing(read: Callable[[str], WebConfig], text: str) -> None:
    config = read(text)

    assert (config.tls, config.headers, config.users, config.rate) == (None, (), None, None)


def test_a_key_that_everyone_may_read_and_a_slow_hash_are_told(made: Path, read: Callable[[str], WebConfig]) -> None:
    key = made / "server.key"
    key.chmod(0o644)
    try:
        config = read(f"{TLS}basic_auth_users: {{alice: '{HASH.replace('$10$', '$16$')}'}}\n")
    finally:
        key.chmod(0o600)

    assert config.findings == (
        f"{made}/web.yml: the key {key} may be read by everyone (mode 0644); 0600 keeps it secret",
        f"{made}/web.yml: a bcrypt cost of 15 or more makes each first login take seconds: alice",
    )


@pytest.mark.parametrize(("text", "fault"), CASES.values(), ids=CASES)
def test_what_is_not_taken_is_refused(refused: Callable[[str], list[str]], text: str, fault: str) -> None:
    assert refused(text) == [fault]


def test_all_faults_of_a_file_are_told_at_once_with_their_lines(refused: Callable[[str], list[str]]) -> None:
    text = "tls_server_config:\n  cert_file: gone\n  min_version: TLS11\nbasic_auth_users:\n  alice: x\n"

    assert [fault.split(": found")[0] for fault in refused(text)] == [
        "1: tls_server_config",
        "2: tls_server_config.cert_file",
        "3: tls_server_config.min_version",
        "5: basic_auth_users.alice",
    ]


def test_a_password_is_in_no_message(refused: Callable[[str], list[str]]) -> None:
    assert "hunter2" not in "".join(refused("basic_auth_users: {alice: hunter2}"))
