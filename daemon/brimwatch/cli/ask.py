"""Where does the running daemon answer, and as whom does a command ask it? The options that all such commands share.

Does *not* cover the asking (`daemon_client`).
"""

from __future__ import annotations

import argparse
import os
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from brimwatch.errors import UsageError

URL = "http://127.0.0.1:9847"
TOKEN_VARIABLE = "BRIMWATCH_TOKEN_FILE"  # noqa: S105 - the name of a variable
_LONGEST_FILE = 4096  # bytes


class Way(NamedTuple):
    """How the daemon is reached. `trust` is False where nothing is encrypted."""

    url: str
    headers: dict[str, str]
    login: tuple[str, bytes] | None
    trust: ssl.SSLContext | bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every command that asks the daemon."""
    add = parser.add_argument
    add("--url", metavar="URL", help=f"where the daemon answers (default: {URL})")
    add("--token-file", metavar="F", help=f"file with the bearer token (default: ${TOKEN_VARIABLE}, or none)")
    add("--user", metavar="U", help="user of the web configuration, with --password-file")
    add("--password-file", metavar="F", help="file with the user's password in its first line")
    add("--ca-file", metavar="F", help="certificates to trust, for an https URL (default: the system's)")


def way_of(arguments: argparse.Namespace) -> Way:
    """What the options say, with the files that they name read. Raises UsageError."""
    url = _checked(arguments.url or URL)
    headers, login = _credentials(arguments)
    return Way(url, headers, login, _trust(arguments.ca_file, url))


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        good = good and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"--url: found {url!r}, wanted an address such as {URL}")
    return url.rstrip("/")


def _credentials(arguments: argparse.Namespace) -> tuple[dict[str, str], tuple[str, bytes] | None]:
    if (arguments.user is None) is not (arguments.password_file is None):
        raise UsageError("--user and --password-file: found one of them, wanted both")
    if arguments.user is not None:
        if arguments.token_file is not None:
            raise UsageError("--token-file: found together with --user, wanted one of them")
        return {}, (arguments.user, _secret("--password-file", arguments.password_file))
    token_file = arguments.token_file or os.environ.get(TOKEN_VARIABLE)
    if not token_file:
        return {}, None
    option = "--token-file" if arguments.token_file else f"${TOKEN_VARIABLE}"
    return {"authorization": "Bearer " + _secret(option, token_file).decode("latin-1")}, None


def _secret(option: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            secret = file.read(_LONGEST_FILE).strip().partition(b"\n")[0].strip()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}; wanted a readable file") from None
    if not secret:
        raise UsageError(f"{option} {path}: empty; wanted the secret in the first line")
    return secret


def _trust(path: str | None, url: str) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        return False
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or str(error)
        raise UsageError(f"--ca-file {path}: {why}; wanted certificates in PEM") from None
