"""Does a real daemon let in those who may, over TLS and with passwords, and go on watching while others knock?"""

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import psutil
import pytest
from tests.live.daemon_run import Daemon
from tests.web.certificates import Authority

pytestmark = pytest.mark.live

PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
USERS = f"basic_auth_users: {{alice: '{HASH}'}}\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("server")
    return made


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Callable[..., Daemon]:
    """`start(web_config, *arguments)` is a running daemon; `ready` is asked with `client`."""

    def run(text: str, *arguments: str, ready: Callable[[str], bool]) -> Daemon:
        path = tmp_path / "web.yml"
        path.write_text(text)
        path.chmod(0o600)
        scheme = "https" if "tls_server_config" in text else "http"
        url = f"{scheme}://127.0.0.1:{free_port()}"
        words = [sys.executable, "-m", "brimwatch", "run", "--web.listen-address", url.partition("://")[2]]
        words += ["--web.config.file", str(path), "--pid", str(os.getpid()), "--log.format", "json", *arguments]
        log_file = tmp_path / "daemon.log"
        with log_file.open("wb") as log:
            process = spawn(words, stderr=log, stdout=subprocess.DEVNULL)
        daemon = Daemon(process, url, log_file)

        def answers() -> bool:
            assert process.poll() is None, log_file.read_text()
            try:
                return ready(url)
            except (httpx.HTTPError, ssl.SSLError):
                return False

        wait_until(answers, 20.0)
        return daemon

    return run


def trusting(authority: Authority, client: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if client is not None:
        context.load_cert_chain(*client)
    return context


def get(url: str, path: str = "/-/ready", trust: ssl.SSLContext | bool = True, **given: Any) -> int:
    return httpx.get(url + path, verify=trust, trust_env=False, timeout=10, **given).status_code


def serial(url: str, trust: ssl.SSLContext) -> str:
    host, _, port = url.partition("://")[2].partition(":")
    plain = socket.create_connection((host, int(port)), 10)
    with trust.wrap_socket(plain, server_hostname=host) as wrapped:
        found = wrapped.getpeercert()
        assert found is not None
        return str(found["serialNumber"])


def events(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    return [line for line in daemon.log() if line["event"] == name]


def test_tls_is_served_and_a_new_certificate_counts_without_a_restart(
    authority: Authority, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    trust = trusting(authority)
    daemon = start(TLS, ready=lambda url: get(url, trust=trust) == 200)
    before = serial(daemon.url, trust)
    with httpx.Client(verify=trust, trust_env=False) as kept:
        assert kept.get(daemon.url + "/metrics").status_code == 200
        authority.issue("server")
        wait_until(lambda: serial(daemon.url, trust) != before, 15.0)
        assert kept.get(daemon.url + "/metrics").status_code == 200
    assert len(events(daemon, "web_config_reloaded")) >= 1
    assert events(daemon, "daemon_started")[0]["address"].startswith("https://127.0.0.1:")


def test_curl_reaches_it_and_what_is_not_tls_does_not(authority: Authority, start: Any, component: Any) -> None:
    trust = trusting(authority)
    daemon = start(TLS, ready=lambda url: get(url, trust=trust) == 200)
    curl = [component("curl"), "--silent", "--show-error", "--noproxy", "*", "--max-time", "10"]
    good = subprocess.run([*curl, "--cacert", str(authority.file), daemon.url + "/-/ready"], capture_output=True)
    untrusted = subprocess.run([*curl, daemon.url + "/-/ready"], capture_output=True)
    old = subprocess.run([*curl, "-k", "--tls-max", "1.1", daemon.url + "/-/ready"], capture_output=True)
    plain = subprocess.run([*curl, daemon.url.replace("https", "http") + "/-/ready"], capture_output=True)

    assert (good.returncode, good.stdout) == (0, b"ready\n")
    assert [untrusted.returncode, old.returncode] == [60, 35]
    assert plain.returncode != 0
    assert get(daemon.url, trust=trust) == 200
    assert events(daemon, "library_said") == []


def test_with_mutual_tls_only_clients_of_the_authority_connect(
    authority: Authority, start: Any, tmp_path: Path
) -> None:
    (tmp_path / "strange").mkdir()
    mine = authority.issue("scraper", "DNS:scraper.example,IP:192.0.2.9")
    other = authority.issue("other", "DNS:other.example")
    strange = Authority(tmp_path / "strange").issue("stranger", "DNS:scraper.example")
    text = TLS + CLIENTS + "  client_allowed_sans: [scraper.example]\n"
    daemon = start(text, ready=lambda url: get(url, trust=trusting(authority, mine)) == 200)

    for refused in (None, other, strange):
        with pytest.raises(httpx.TransportError):
            get(daemon.url, trust=trusting(authority, refused))
    assert get(daemon.url, "/metrics", trusting(authority, mine)) == 200


def test_a_bad_new_file_changes_nothing_and_is_told_until_it_is_put_right(
    authority: Authority, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    trust = trusting(authority)
    path = tmp_path / "web.yml"
    daemon = start(TLS + USERS, ready=lambda url: get(url, trust=trust) == 200)
    path.write_text(TLS.replace("server.key", "new.key") + USERS)
    wait_until(lambda: events(daemon, "web_config_rejected"), 15.0)
    (told,) = events(daemon, "web_config_rejected")
    assert told["detail"].startswith(f"{path}:3: tls_server_config.key_file: found 'new.key', which cannot be opened")
    assert get(daemon.url, "/metrics", trust, auth=("alice", PASSWORD)) == 200

    (tmp_path / "server.key").rename(tmp_path / "new.key")
    wait_until(lambda: events(daemon, "web_config_reloaded"), 15.0)
    assert get(daemon.url, "/metrics", trust, auth=("alice", PASSWORD)) == 200

    path.write_text(USERS)
    wait_until(lambda: len(events(daemon, "web_config_rejected")) == 2, 15.0)
    assert events(daemon, "web_config_rejected")[1]["detail"] == (
        f"{path}: TLS cannot be switched off while the port is open; restart"
    )


def test_users_are_asked_for_everywhere_but_at_health_and_headers_come_along(start: Any, tmp_path: Path) -> None:
    text = USERS + "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    daemon = start(text, "--web.enable-lifecycle", ready=lambda url: get(url) == 200)
    url = daemon.url

    assert [get(url, path) for path in ("/-/healthy", "/metrics", "/", "/api/v1/targets")] == [200, 401, 401, 401]
    assert httpx.post(url + "/-/reload", trust_env=False).status_code == 401
    assert get(url, "/metrics", auth=("alice", PASSWORD)) == 200
    assert [get(url, "/metrics", auth=auth) for auth in (("alice", "wrong"), ("mallory", PASSWORD))] == [401, 401]
    answer = httpx.get(url + "/metrics", trust_env=False)
    assert answer.headers["www-authenticate"] == 'Basic realm="brimwatch", charset="UTF-8"'
    assert answer.headers["x-frame-options"] == "deny"
    asked = [
        sys.executable, "-m", "brimwatch", "reclaim", "no-such", "--url", url, "--user", "alice", "--password-file",
    ]  # fmt: skip
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "wrong").write_text("wrong\n")
    good, bad = (
        subprocess.run([*asked, str(tmp_path / name)], capture_output=True, text=True) for name in ("password", "wrong")
    )
    assert good.stderr.startswith(f"brimwatch: {url} answered 404: no target of this name")
    assert bad.stderr == (
        f"brimwatch: {url} answered 401: this is no user with this password; show who you are: --token-file F"
        " (or $BRIMWATCH_TOKEN_FILE), or --user U --password-file F\n"
    )


def test_a_rate_is_kept_and_health_answers_beyond_it(start: Any) -> None:
    daemon = start("rate_limit: {interval: 1h, burst: 3}\n", ready=lambda url: get(url) == 200)

    assert [get(daemon.url, "/metrics") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert get(daemon.url) == 200


def test_a_bad_file_at_the_start_is_every_fault_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config:\n  cert_file: gone\nbasic_auth_users: {alice: x}\n")
    for more in ((), ("--once",)):
        ended = subprocess.run(
            [sys.executable, "-m", "brimwatch", "run", "--web.config.file", str(path), *more],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert ended.returncode == 2
        assert [line.split(": found")[0] for line in ended.stderr.splitlines()] == [
            f"{path}:1: tls_server_config",
            f"{path}:2: tls_server_config.cert_file",
            f"{path}:3: basic_auth_users.alice",
        ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--web.listen-address", "127.0.0.1"), "--web.listen-address '127.0.0.1': wanted an address such as"),
        (("--web.listen-address", "127.0.0.1:99999"), "--web.listen-address '127.0.0.1:99999': wanted an address"),
        (("--web.token-file", "/nonexistent"), "--web.token-file /nonexistent: No such file or directory"),
        (("--web.config.file", "/nonexistent"), "/nonexistent: found a file that cannot be opened"),
    ],
    ids=["no port", "a port too high", "no token file", "no web configuration"],
)
def test_once_refuses_what_the_daemon_would_refuse(words: tuple[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "brimwatch", "run", "--once", *words], capture_output=True, text=True, timeout=30
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_many_encrypted_connections_cost_little_memory_and_those_that_only_hold_a_place_are_closed(
    authority: Authority, start: Any, wait_until: Any
) -> None:
    trust = trusting(authority)
    daemon = start(TLS, ready=lambda url: get(url, trust=trust) == 200)
    process = psutil.Process(daemon.process.pid)
    before = process.memory_info().rss
    address = ("127.0.0.1", int(daemon.url.rpartition(":")[2]))
    held = [socket.create_connection(address, 10) for _ in range(200)]
    wait_until(lambda: len(process.net_connections()) > 50, 10.0)
    grown = process.memory_info().rss - before
    wait_until(lambda: get_or_zero(daemon.url, trust) == 200, 20.0)
    for one in held:
        one.close()

    assert grown < 12_000_000


@pytest.mark.parametrize(
    "words",
    [("record", "-o", "-", "--duration", "1s"), ("explain",), ("suggest",), ("reclaim", "no-such"), ("drill", "x")],
    ids=lambda words: words[0],
)
def test_every_command_asks_a_daemon_with_users_and_a_private_authority(
    authority: Authority, start: Any, tmp_path: Path, words: tuple[str, ...]
) -> None:
    trust = trusting(authority)
    daemon = start(TLS + USERS, ready=lambda url: get(url, trust=trust) == 200)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    asked = [sys.executable, "-m", "brimwatch", *words, "--url", daemon.url]
    login = ["--user", "alice", "--password-file", str(tmp_path / "password")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SSL_")}

    def said(*more: str, **variables: str) -> str:
        ended = subprocess.run(
            [*asked, *more], capture_output=True, text=True, timeout=60, env={**environ, **variables}
        )
        return ended.stderr

    stranger, nobody = said(*login), said("--ca-file", str(authority.file))
    known = said(*login, "--ca-file", str(authority.file)), said(*login, SSL_CERT_FILE=str(authority.file))

    assert f"{daemon.url} has a certificate that is not trusted" in stranger
    assert "no daemon answers" not in stranger
    assert f"{daemon.url} answered 401" in nobody
    assert [one for one in known if "answered 401" in one or "certificate" in one] == []


def get_or_zero(url: str, trust: ssl.SSLContext) -> int:
    try:
        return get(url, trust=trust)
    except httpx.TransportError:
        return 0


def test_json_of_a_reload_over_tls_with_the_token(authority: Authority, start: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-long-and-secret-token\n")
    token.chmod(0o600)
    trust = trusting(authority)
    daemon = start(TLS, "--web.token-file", str(token), ready=lambda url: get(url, trust=trust) == 200)
    headers = {"authorization": "Bearer a-long-and-secret-token"}
    answer = httpx.post(daemon.url + "/-/reload", verify=trust, headers=headers, trust_env=False)

    assert json.loads(answer.content) == {"reloaded": True, "said": "reloaded"}
    assert httpx.post(daemon.url + "/-/reload", verify=trust, trust_env=False).status_code == 401
