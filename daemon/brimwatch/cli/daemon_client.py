"""How does a command ask a running daemon? Over HTTP, with plain words where that fails."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from brimwatch.cli.ask import TOKEN_VARIABLE, way_of
from brimwatch.errors import BrimwatchError
from brimwatch.record.text import escaped

_CONNECT, _ANSWER = 10.0, 20.0  # seconds; a stream says something each 5 s
_ORDER = 3600.0  # seconds for an order: a target of many members takes a while
_LARGEST = 64 << 20  # bytes of one answer
_SAID = 300  # characters of a refusal


class DaemonClient:
    """The daemon that the options of `ask.add_arguments` name. Raises UsageError for options that cannot be."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        way = way_of(arguments)
        import httpx

        self.url = way.url
        # No proxy of the environment: what it is meant for is rarely this machine.
        self._client = httpx.Client(
            headers=way.headers, auth=way.login, verify=way.trust, trust_env=False,
            timeout=httpx.Timeout(_ANSWER, connect=_CONNECT),
        )  # fmt: skip

    def json(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """The answer to a GET. Raises BrimwatchError."""
        with self._failures():
            answer = self._client.get(self.url + path, params=dict(parameters or {}))
            return self._read(answer.status_code, answer.content)

    def order(self, path: str, parameters: Mapping[str, str]) -> Any:
        """The answer to a POST that has something done, however long that takes. Raises BrimwatchError."""
        import httpx

        with self._failures():
            patience = httpx.Timeout(_ORDER, connect=_CONNECT)
            answer = self._client.post(self.url + path, params=dict(parameters), timeout=patience)
            return self._read(answer.status_code, answer.content)

    def lines(self, path: str, targets: Sequence[str]) -> Iterator[bytes]:
        """Pieces of an endless answer about these targets, or all; a line may go on in the next.

        Raises BrimwatchError.
        """
        with self._failures(), self._client.stream("GET", self.url + path, params={"target": list(targets)}) as answer:
            if answer.status_code != 200:
                answer.read()
                self._read(answer.status_code, answer.content)
            yield from answer.iter_bytes()

    def _read(self, status: int, content: bytes) -> Any:
        if len(content) > _LARGEST:
            raise BrimwatchError(f"{self.url}: the answer is longer than any of ours")
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise BrimwatchError(f"{self.url} answered {status} without JSON; is it a Brimwatch?") from None
        if status == 200:
            return value
        said = value.get("error") if isinstance(value, dict) else None
        told = f"{self.url} answered {status}" + (f": {escaped(str(said), _SAID)}" if said else "")
        if status == 401:
            told += f"; show who you are: --token-file F (or ${TOKEN_VARIABLE}), or --user U --password-file F"
        raise BrimwatchError(told)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.ConnectError as error:
            raise BrimwatchError(_nobody(self.url, str(error))) from None
        except httpx.TimeoutException as error:
            raise BrimwatchError(f"{self.url}: no answer in time ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            hint = "; does it want https?" if self.url.startswith("http:") else ""
            why = str(error) or type(error).__name__
            raise BrimwatchError(f"{self.url}: the daemon is gone, or is none of ours: {why}{hint}") from None


def target_path(name: str, command: str) -> str:
    """The path of a command on a target; a name may hold anything."""
    return f"/api/v1/targets/{quote(name, safe='')}/{command}"


def _nobody(url: str, why: str) -> str:
    if "CERTIFICATE" in why.upper():
        return f"{url} has a certificate that is not trusted ({why}); --ca-file F names whose certificates are"
    if "SSL" in why.upper() or "TLS" in why.upper():
        return f"{url} answers, but no TLS connection came about ({why})"
    return (
        f"no daemon answers at {url} ({why}); start one with `brimwatch run --config.file F`,"
        " or say where it is with --url"
    )
