"""Does a secret on a command line stay hidden?"""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.record.redact import LONGEST, redact

PLANTED = "Zq7secretless" + "W9x"  # found in no rule by its own look
SECRETS = st.text(string.ascii_letters + string.digits + "-_.!$%^&*()+/~?", min_size=6, max_size=40).filter(
    lambda secret: not secret.startswith("--") and secret.strip("*")
)
NAMES = st.sampled_from(
    [
        "password",
        "PASSWORD",
        "db-pass",
        "pwd",
        "api_key",
        "apikey",
        "secret",
        "SECRET_KEY",
        "auth-token",
        "token",
        "credential",
    ]
)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["gunicorn", "-w", "4", "--bind", "[::]:80", "shop.wsgi:app"], "gunicorn -w 4 --bind [::]:80 shop.wsgi:app"),
        (["app", "--password=hunter2", "-v"], "app --password=*** -v"),
        (["app", "--password", "hunter 2", "-v"], "app --password *** -v"),
        ("app --password hunter 2 -v", "app --password *** *** -v"),
        ("app\0--password\0hunter 2\0-v\0", "app --password *** -v"),
        (["app", "--auth", "--password", "hunter2"], "app --auth *** ***"),
        (["mysql", "-u", "root", "-phunter2", "shop"], "mysql -u root -p*** shop"),
        (["/usr/bin/mysqldump", "-phunter2"], "/usr/bin/mysqldump -p***"),
        (["sort", "-parallel"], "sort -parallel"),
        (["curl", "-u", "me:hunter2", "http://x/"], "curl -u *** http://x/"),
        (["redis-cli", "-a", "hunter2"], "redis-cli -a ***"),
        (["env", "TOKEN=abc", "app"], "env TOKEN=*** app"),
        (["java", "-Ddatasource.password=abc", "-jar", "a.jar"], "java -Ddatasource.password=*** -jar a.jar"),
        (["curl", "-H", "Authorization: Bearer abc.def"], "curl -H Authorization:***"),
        ("curl -H Authorization: Bearer abc -v", "curl -H Authorization: *** *** -v"),
        (["psql", "postgres://me:hunter2@db:5432/shop"], "psql postgres://***@db:5432/shop"),
        (["psql", "postgres://me:p@ss@db/shop"], "psql postgres://***@db/shop"),
        (["sqlplus", "scott:tiger@db"], "sqlplus ***@db"),
        (["app", '{"user": "me", "password": "x"}'], 'app {"user": "me", "password":***'),
        (["app", "AKIAIOSFODNN7EXAMPLE"], "app ***"),
        (["app", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"], "app ***"),
        (["app", "ghp_" + "a1B2" * 9], "app ***"),
        (["app", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"], "app ***"),
        (["app", "http://x/?user=1&token=abc"], "app http://x/?user=1&token=***"),
        (["app", "-phunter2"], "app -p***"),
        (["app", "-p8080"], "app -p8080"),
        (["ssh", "-p22", "host"], "ssh -p22 host"),
        (["mariadb-admin", "-phunter"], "mariadb-admin -p***"),
        (["sudo", "mysql", "-phunter"], "sudo mysql -p***"),
        (["sh", "-c", "mysql -phunter shop"], "sh -c mysql -p*** shop"),
        (["curl", "-sSu", "me:hunter2"], "curl -sSu ***"),
        (["docker", "login", "-u", "me", "-p", "hunter"], "docker login -u me -p ***"),
        (["app", "--db-pw", "hunter"], "app --db-pw ***"),
        (["app", "--pin=1234"], "app --pin=***"),
        (["app", "--pinned=1234"], "app --pinned=1234"),
        (["app", "http://x/?sig=abc"], "app http://x/?sig=***"),
        (["app", "--design=abc"], "app --design=abc"),
        (["app", "password", "hunter"], "app password ***"),
        (["aws", "configure", "set", "aws_secret_access_key", "abc"], "aws configure set aws_secret_access_key ***"),
        (["app", "--authorization", "Bearer abc"], "app --authorization ***"),
        (["mysqlsh", "mysql://u:p@h"], "mysqlsh mysql://***@h"),
        (["app", "sk_live_" + "a1B2" * 6], "app ***"),
        (["app", "hf_" + "a1B2" * 6], "app ***"),
        (["app", "npm_" + "a1B2" * 6], "app ***"),
        (["app", "SG." + "a1B2" * 5 + "." + "a1B2" * 5], "app ***"),
        (["app", "-----BEGIN RSA PRIVATE KEY-----\nabc\n"], "app ***"),
        (["app", "https://hooks.slack.com/services/T0/B0/abc"], "app https://hooks.slack.com/***"),
        (["app", "two\nlines", "\x1b[31m"], r"app two\nlines \x1b[31m"),
        ([], ""),
        ("", ""),
        ("\0\0", ""),
    ],
)  # fmt: skip
def test_a_command_line_is_shown_like_this(command: "list[str] | str", shown: str) -> None:
    assert redact(command) == shown


@given(
    NAMES, SECRETS, st.sampled_from(["--{name}={secret}", "{name}={secret}", "-D{name}={secret}", "{name}: {secret}"])
)
def test_no_assigned_secret_is_shown(name: str, secret: str, form: str) -> None:
    shown = redact(["app", form.format(name=name, secret=secret), "-v"])

    assert secret not in shown
    assert shown.startswith("app ")


@given(NAMES, SECRETS)
def test_no_secret_argument_is_shown(name: str, secret: str) -> None:
    assert secret not in redact(["app", f"--{name}", secret, "-v"])
    assert secret not in redact(f"app --{name} {secret} -v")


@given(SECRETS, st.sampled_from(["https", "postgres", "redis", "amqp"]))
def test_no_secret_in_a_url_is_shown(secret: str, scheme: str) -> None:
    assert secret not in redact(["app", f"{scheme}://user:{secret}@host/path"])


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=300), max_size=30))
def test_any_command_line_becomes_one_bounded_printable_line(command: list[str]) -> None:
    shown = redact(command)

    assert len(shown) <= LONGEST
    assert shown.isprintable()


def test_a_secret_beyond_what_is_read_is_not_half_recognised() -> None:
    command = ["app", "x" * 4070, f"https://user:{PLANTED}@host/"]

    assert PLANTED[:4] not in redact(command, 10_000)
