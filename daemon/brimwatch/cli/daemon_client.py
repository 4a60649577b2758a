"""How does a command ask a running daemon? Over HTTP, with the token where there is one; a failure is one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.record.text import escaped

DEFAULT_URL = "http://127.0.0.1:9847"
_CONNECT, _ANSWER = 5.0, 20.0  # seconds; a stream says something each 5 s
_LARGEST = 64 << 20  # bytes of one answer


class DaemonClient:
    """A daemon at an address such as http://127.0.0.1:9847. Raises UsageError for one that cannot be."""

    def __init__(self, url: str, token_file: str | None = None) -> None:
        import httpx

        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise UsageError(f"--url: found {url!r}, wanted an address such as {DEFAULT_URL}")
        headers = {} if token_file is None else {"authorization": f"Bearer {read_token(token_file)}"}
        timeout = httpx.Timeout(_ANSWER, connect=_CONNECT)
        try:
            self._client = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError(f"--url: found {url!r}: {error}") from None

    def json(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """The answer to a GET. Raises BrimwatchError."""
        with self._failures():
            answer = self._client.get(path, params=dict(parameters or {}))
            if len(answer.content) > _LARGEST:
                raise BrimwatchError(f"{self.url}{path}: the answer is longer than any of ours")
            if answer.status_code != 200:
                raise BrimwatchError(f"{self.url}: {_said(answer.status_code, answer.content)}")
            return json.loads(answer.content)

    def lines(self, path: str, targets: Sequence[str]) -> Iterator[bytes]:
        """Pieces of an endless answer about these targets, or all; a line may go on in the next.

        Raises BrimwatchError.
        """
        with self._failures(), self._client.stream("GET", path, params={"target": list(targets)}) as answer:
            if answer.status_code != 200:
                answer.read()
                raise BrimwatchError(f"{self.url}: {_said(answer.status_code, answer.content)}")
            yield from answer.iter_bytes()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.ConnectError as error:
            raise BrimwatchError(f"{self.url}: no daemon answers there ({error}); is `brimwatch run` up?") from None
        except httpx.HTTPError as error:
            raise BrimwatchError(f"{self.url}: the daemon is gone ({type(error).__name__}: {error})") from None
        except (ValueError, UnicodeDecodeError):
            raise BrimwatchError(f"{self.url}: the answer is not that of a Brimwatch daemon") from None


def read_token(path: str) -> str:
    """The first line of a token file. Raises UsageError."""
    try:
        with open(path, encoding="latin-1") as file:
            token = file.readline(4096).strip()
    except OSError as error:
        raise UsageError(f"--token-file {path}: {error.strerror}; wanted a readable file") from None
    if not token:
        raise UsageError(f"--token-file {path}: empty; wanted a token in the first line")
    return token


def _said(status: int, content: bytes) -> str:
    try:
        said = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return f"answered {status}; wanted a Brimwatch daemon"
    hint = "; --token-file shows the token" if status == 401 else ""
    return f"answered {status}: {escaped(str(said), 300)}{hint}"
