from pathlib import Path

import pytest

from brimwatch.act.kinds import ACTIONS
from brimwatch.act.post_webhook import longest, notices, parse
from brimwatch.act.request import Traits
from brimwatch.act.webhook_options import KEYS, Webhook
from brimwatch.config.load import load
from brimwatch.config.nodes import compose
from brimwatch.units import Seconds

URL = "https://sink.example/hook"
HTTP = "an http or https address with a host"
PROXY = "env, or the address of an HTTP proxy such as http://proxy.example:3128"
HEADER = "1 to 1024 printable ASCII characters"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(f"url: '{URL}'", Webhook(URL), id="the shortest"),
        pytest.param(
            "url: 'http://127.0.0.1:9093/api/v2/alerts', format: alertmanager",
            Webhook("http://127.0.0.1:9093/api/v2/alerts", "alertmanager", tells=True),
            id="an alert tells",
        ),
        pytest.param(f"url: '{URL}', tells: true", Webhook(URL, tells=True), id="a webhook that is said to tell"),
        pytest.param(
            f"url: '{URL}?a=b', secret_file: /run/hook, timeout: 1s, deadline: 20s, keep: 2h, proxy: env, "
            "ca_file: /ca.pem",
            Webhook(
                f"{URL}?a=b",
                secret_file="/run/hook",
                timeout=Seconds(1.0),
                deadline=Seconds(20.0),
                keep=Seconds(7200.0),
                proxy="env",
                ca_file="/ca.pem",
            ),
            id="everything about the way",
        ),
        pytest.param(
            f"url: '{URL}', proxy: 'http://proxy.example:3128', bearer_token_file: /run/token, "
            "headers: {X-Team: memory people, X-Number: 7}, headers_file: {X-Api-Key: /run/key}",
            Webhook(
                URL,
                proxy="http://proxy.example:3128",
                bearer_token_file="/run/token",
                headers=(("X-Team", "memory people"), ("X-Number", "7")),
                headers_file=(("X-Api-Key", "/run/key"),),
            ),
            id="everything about the headers",
        ),
        pytest.param("url: 'http://[::1]:8000/'", Webhook("http://[::1]:8000/"), id="an IPv6 address"),
    ],
)
def test_what_is_read(written: str, expected: Webhook) -> None:
    root = compose(f"{{webhook: {{{written}}}}}", "f.yaml")
    assert parse(root) == Traits(expected, cooperative=not expected.tells, tells=expected.tells)
    assert root.faults.lines() == ()


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param("format: brimwatch", "found no url, wanted `url: http://...`", id="no address"),
        pytest.param("url: 7", f".url: found '7', wanted {HTTP}", id="a number"),
        pytest.param("url: 'ftp://x/y'", f".url: found 'ftp://x/y', wanted {HTTP}", id="another scheme"),
        pytest.param("url: 'http:///y'", f".url: found 'http:///y', wanted {HTTP}", id="no host"),
        pytest.param("url: 'http://x:99999/'", f".url: found 'http://x:99999/', wanted {HTTP}", id="no such port"),
        pytest.param("url: 'http://[x/?t=1'", f".url: found 'http://[x/', wanted {HTTP}", id="a broken address"),
        pytest.param(
            "url: 'http://me:secret@x/'",
            (
                ".url: found 'http://***@x/', wanted one without user and password; "
                "secrets stay out of this file: use bearer_token_file"
            ),
            id="a password, which is not repeated",
        ),
        pytest.param(
            "url: 'http://x/?token=secret#here'",
            ".url: found 'http://x/?***', wanted one without '#'; what follows it is never sent",
            id="a fragment, and a query that is not repeated",
        ),
        pytest.param(
            "url: 'http://x/a b'",
            (
                ".url: found 'http://x/a b', wanted one in plain ASCII; "
                "other characters are written as %XX, other hosts as xn--"
            ),
            id="a blank",
        ),
        pytest.param(
            f"url: 'http://x/{'a' * 2048}'",
            f".url: found 'http://x/{'a' * 51}...', wanted one of at most 2048 characters",
            id="an endless address",
        ),
        pytest.param(
            f"url: '{URL}', secret: x",
            f".secret: found an unknown key, wanted one of {', '.join(KEYS)}; did you mean secret_file?",
            id="a secret in the file itself",
        ),
        pytest.param(
            f"url: '{URL}', secret_file: here", ".secret_file: found 'here', wanted an absolute path", id="a place"
        ),
        pytest.param(
            f"url: '{URL}', format: slack",
            ".format: found 'slack', wanted one of brimwatch, alertmanager",
            id="an unknown format",
        ),
        pytest.param(f"url: '{URL}', timeout: 0s", ".timeout: found '0s', wanted between 100ms and 5m", id="no time"),
        pytest.param(
            f"url: '{URL}', deadline: 1h", ".deadline: found '1h', wanted between 100ms and 30m", id="too much time"
        ),
        pytest.param(f"url: '{URL}', keep: 8d", ".keep: found '8d', wanted at most 7d", id="kept too long"),
        pytest.param(
            f"url: '{URL}', proxy: 'https://p/'", f".proxy: found 'https://p/', wanted {PROXY}", id="TLS to a proxy"
        ),
        pytest.param(
            f"url: '{URL}', proxy: 'http://me:secret@p'",
            (
                ".proxy: found 'http://***@p', wanted one without user and password; "
                "secrets stay out of this file: `proxy: env` may have them in the environment"
            ),
            id="a password for the proxy",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{Host: x}}",
            ".headers.Host: found a header that Brimwatch sets itself, wanted another one",
            id="a header of ours",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{webhook-id: x}}",
            ".headers.webhook-id: found a header that Brimwatch sets itself, wanted another one",
            id="a header of Standard Webhooks",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{Authorization: Bearer x}}",
            (
                ".headers.Authorization: found a header that holds a secret, wanted it in a file; "
                "use bearer_token_file or headers_file"
            ),
            id="a secret among the headers",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{'a b': x}}",
            ".headers.'a b': found this name, wanted the name of a header: up to 64 letters, digits and -",
            id="a name that is none",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{X-A: \"a\\r\\nb\"}}",
            f".headers.X-A: found a value that no header can have, wanted {HEADER}",
            id="a header within a header",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{X-A: a, x-a: b}}",
            ".headers.x-a: found the header a second time, wanted it once; upper and lower case are the same here",
            id="a header twice",
        ),
        pytest.param(
            f"url: '{URL}', headers: {{{', '.join(f'X-{n}: a' for n in range(33))}}}",
            ".headers: found 33 headers, wanted at most 32",
            id="too many headers",
        ),
        pytest.param(
            f"url: '{URL}', headers_file: {{Proxy-Authorization: /x}}",
            (
                ".headers_file.Proxy-Authorization: found a header for the proxy, wanted `proxy: env`; "
                "this one would reach the sink as well"
            ),
            id="a header for somebody else",
        ),
        pytest.param(
            f"url: '{URL}', bearer_token_file: /x, headers_file: {{authorization: /y}}",
            (
                ".bearer_token_file: found bearer_token_file, wanted it or headers_file.Authorization; "
                "both are the header Authorization"
            ),
            id="two tokens",
        ),
    ],
)
def test_what_is_refused(written: str, fault: str) -> None:
    root = compose(f"{{webhook: {{{written}}}}}", "f.yaml")
    assert parse(root) is None
    place = "webhook" if fault.startswith(".") else "webhook: "
    assert root.faults.lines() == (f"f.yaml:1: {place}{fault}",)


def test_every_fault_is_told_at_once() -> None:
    root = compose('{webhook: {url: x, timeout: 1, headers: {Host: a, X-B: "\\n"}}}', "f.yaml")
    assert parse(root) is None
    assert len(root.faults.lines()) == 4


def test_an_attempt_takes_no_longer_than_its_deadline() -> None:
    assert longest(Webhook(URL, deadline=Seconds(3.0))) == 3.0


def test_what_a_configuration_is_told_of_its_webhooks(tmp_path: Path) -> None:
    secret, token = tmp_path / "secret", tmp_path / "token"
    for path, mode in ((secret, 0o644), (token, 0o600)):
        path.write_text("x")
        path.chmod(mode)
    plain = "http://sink.example:8080/x?token=1"
    assert notices(Webhook(URL, secret_file=str(token), ca_file=str(token))) == ()
    assert notices(Webhook("http://127.0.0.1/", secret_file=str(token))) == ()
    assert notices(Webhook(plain)) == ()
    assert notices(Webhook(plain, secret_file=str(secret))) == (
        ("signs what it sends to http://sink.example:8080, but unencrypted: anyone on the way can read it; use https"),
        f"secret_file {secret} can be read by everyone (mode 0644); give it mode 0600",
    )
    assert notices(Webhook(plain, bearer_token_file=str(token), headers_file=(("X-Key", "/none/such"),))) == (
        "sends its secret headers to http://sink.example:8080 unencrypted; use https",
        "headers_file.X-Key /none/such cannot be read now (No such file or directory); nothing is sent without it",
    )
    assert notices(Webhook("http://localhost/", secret_file=str(tmp_path), ca_file="/none/such")) == (
        f"secret_file {tmp_path} is no regular file; nothing is sent without it",
        "ca_file /none/such cannot be read now (No such file or directory); nothing is sent without it",
        "ca_file is not used: http://localhost speaks no TLS",
    )


def test_notices_reach_whoever_checks_the_configuration() -> None:
    text = """
targets: [{name: a, match: {name: a}, policy: p}]
policies: {p: {tiers: {critical: {when: {rss: 1GB}, do: [one, two]}}}}
actions:
  one: {webhook: {url: 'http://sink.example/', secret_file: /none/such}}
  two: {webhook: {url: 'http://sink.example/', secret_file: /none/such}}
"""
    assert load(text, "f.yaml", ACTIONS).notices == (
        (
            "actions one, two: signs what it sends to http://sink.example, but unencrypted: "
            "anyone on the way can read it; use https"
        ),
        (
            "actions one, two: secret_file /none/such cannot be read now (No such file or directory); "
            "nothing is sent without it"
        ),
    )
