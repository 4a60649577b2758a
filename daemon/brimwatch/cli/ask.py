"""How does a command ask the running daemon? Over HTTP, as whom the user says, with plain words where it fails."""

from __future__ import annotations

import argparse
import os
import ssl
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from brimwatch.errors import BrimwatchError, UsageError

URL = "http://127.0.0.1:9847"
TOKEN_VARIABLE = "BRIMWATCH_TOKEN_FILE"  # noqa: S105 - the name of a variable
_CONNECT = 10.0  # seconds
_LONGEST = 3600.0  # seconds for an order: a target of many members takes a while
_LONGEST_FILE = 4096  # bytes


class Unanswered(BrimwatchError):  # noqa: N818 - says what became of the question
    """The daemon could not be asked, or did not do what it was asked for."""


class Answered(NamedTuple):
    """Its answer."""

    status: int
    value: object


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every command that asks the daemon."""
    add = parser.add_argument
    add("--url", default=URL, metavar="URL", help="where the daemon answers (default: %(default)s)")
    add("--token-file", metavar="F", help=f"file with the bearer token (default: ${TOKEN_VARIABLE}, or none)")
    add("--user", metavar="U", help="user of the web configuration, with --password-file")
    add("--password-file", metavar="F", help="file with the user's password in its first line")
    add("--ca-file", metavar="F", help="certificates to trust, for an https URL (default: the system's)")


def post(arguments: argparse.Namespace, path: str, parameters: dict[str, str]) -> Answered:
    """POST to the daemon. Raises UsageError for what the user wrote, Unanswered where nobody answers."""
    url = _checked(arguments.url)
    headers, login = _credentials(arguments)
    trust = _trust(arguments.ca_file, url)
    import httpx

    limits = httpx.Timeout(_LONGEST, connect=_CONNECT)
    try:
        # No proxy of the environment: what it is meant for is rarely this machine.
        with httpx.Client(verify=trust, trust_env=False, timeout=limits) as client:
            if login is not None:
                client.auth = login
            answer = client.post(url + path, params=parameters, headers=headers)
    except httpx.ConnectError as error:
        raise Unanswered(_nobody(url, str(error))) from None
    except httpx.HTTPError as error:
        hint = "; does it want https?" if url.startswith("http:") else ""
        why = str(error) or type(error).__name__
        raise Unanswered(f"{url} did not answer as a Brimwatch does: {why}{hint}") from None
    try:
        return Answered(answer.status_code, answer.json())
    except ValueError:
        raise Unanswered(f"{url} answered {answer.status_code} without JSON; is it a Brimwatch?") from None


def target_path(name: str, command: str) -> str:
    """The path of a command on a target; a name may hold anything."""
    return f"/api/v1/targets/{quote(name, safe='')}/{command}"


def refusal(url: str, answer: Answered) -> Unanswered:
    """Why the daemon did not do it, and what to do about that."""
    said = answer.value.get("error", "") if isinstance(answer.value, dict) else ""
    told = f"{url} answered {answer.status}: {said}" if said else f"{url} answered {answer.status}"
    if answer.status == 401:
        told += f"; show who you are: --token-file F (or ${TOKEN_VARIABLE}), or --user U --password-file F"
    return Unanswered(told)


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
        return True
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or str(error)
        raise UsageError(f"--ca-file {path}: {why}; wanted certificates in PEM") from None


def _nobody(url: str, why: str) -> str:
    if "CERTIFICATE" in why.upper():
        return f"{url} has a certificate that is not trusted ({why}); --ca-file F names whose certificates are"
    return (
        f"no daemon answers at {url} ({why}); start one with `brimwatch run --config.file F`,"
        " or say where it is with --url"
    )
