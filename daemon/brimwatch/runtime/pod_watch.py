"""How does the book of pods stay what the API server says? A list, then a watch from there on, for as long as it goes.

The protocol, of which each line is a test:
- The list is asked of the server's cache (`resourceVersion=0`), which finds a node's pods by an index; in chunks, where
  the server makes them. Then a watch goes on from the list's version, and each later one from the last version seen,
  which bookmarks keep fresh while nothing happens.
- The server ends each watch after some minutes; the next begins at once, as after one that breaks off. Only one that
  did not last counts as a failure.
- A version that the server has forgotten (410, as status or within the watch) means a new list, this time of what is
  certain: the cache of one server may be behind that of another.
- What fails is tried again after 1, 2, 4 ... 60 s, less a random part, so that a thousand daemons do not come back in
  the same second; not before the server says (`Retry-After`).
- What is known stays known meanwhile.

Source: Kubernetes, API Concepts: Efficient detection of changes, Retrieving large results sets in chunks.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlencode

from brimwatch.discover.pod_objects import read_pod
from brimwatch.discover.pods import PodBook
from brimwatch.runtime.pod_api import Expired, Stream, Unanswered, get
from brimwatch.runtime.pod_list import ListReader
from brimwatch.runtime.pod_server import PodServer

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries
LONGEST_WAIT = 600.0  # seconds for which a server is believed that it wants to be left alone
WATCH = 300.0  # seconds that a watch lasts at least, twice that at most, as other clients of the API have it
SETTLED = 5.0  # seconds after which a watch counts as one that works
_GRACE = 30.0  # seconds beyond its time until a watch counts as broken
_LISTING = 60.0  # seconds for one chunk of a list
_CHUNK = 50  # pods
_MOST_PODS = 4096  # the kubelet runs 110 if not told otherwise
_LARGEST_LIST = 128 << 20  # bytes, none of which is kept
_LARGEST_EVENT = 4 << 20  # bytes; etcd holds 1.5 MB of an object
_ANY, _LATEST = "0", ""  # versions: of any age, out of the cache; what is certain


class PodWatch:
    """Keeps a book. `told` hears why it cannot, and None where it can (again)."""

    def __init__(
        self,
        server: PodServer,
        asked: frozenset[str],
        book: PodBook,
        told: Callable[[str | None], None],
        draw: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`asked`: the keys of labels to keep; `draw`: a random part of 1, which spreads the load of many daemons."""
        self.following = asyncio.Event()  # once everything was listed, and is watched from there on
        self._server = server
        self._asked = asked
        self._book = book
        self._told = told
        self._draw = draw
        self._sleep = sleep
        self._from = _ANY
        self._version: str | None = None  # None: everything has to be listed
        self._failures = 0

    async def run(self) -> None:
        """Go on for ever; what fails is told and tried again."""
        while True:
            wanted = None
            try:
                if self._version is None:
                    await self._list()
                if await self._watch():
                    self._failures = 0
                    continue
            except Expired:
                self._version, self._from = None, _LATEST
            except Unanswered as problem:
                self._told(str(problem))
                wanted = problem.wait
            self._failures += 1
            await self._sleep(max(pause(self._failures, self._draw()), min(LONGEST_WAIT, wanted or 0.0)))

    async def _list(self) -> None:
        query = {"limit": str(_CHUNK)}
        if self._from != _LATEST:
            query["resourceVersion"] = self._from
        seen: set[str] = set()
        while True:
            version, following = await self._chunk(query, seen)
            if not following:
                break
            query = {"limit": str(_CHUNK), "continue": following}
        self._book.keep(seen)
        self._version = version

    async def _chunk(self, query: dict[str, str], seen: set[str]) -> tuple[str, str]:
        """Take over one chunk of a list; its version, and what asks for the next one."""
        try:
            async with asyncio.timeout(_LISTING):
                return await self._page(query, seen)
        except TimeoutError:
            raise Unanswered(f"the list of pods did not come within {_LISTING:.0f}s") from None
        except ValueError as error:
            raise Unanswered(f"the list of pods cannot be read: {error}") from None

    async def _page(self, query: dict[str, str], seen: set[str]) -> tuple[str, str]:
        stream = await get(self._server, self._where(query))
        reader, size = ListReader(), 0
        metadata: object = None
        try:
            async for piece in stream.pieces():
                size += len(piece)
                if size > _LARGEST_LIST:
                    raise Unanswered(f"the list of pods has more than {_LARGEST_LIST >> 20} MiB")
                for key, value in reader.feed(piece):
                    if key == "items":
                        self._listed(value, seen)
                    elif key == "metadata":
                        metadata = value
        finally:
            stream.close()
        reader.end()
        known = metadata if isinstance(metadata, dict) else {}
        version, following = known.get("resourceVersion"), known.get("continue", "")
        if not isinstance(version, str) or not isinstance(following, str):
            raise ValueError("it has no resourceVersion")
        return version, following

    def _listed(self, found: object, seen: set[str]) -> None:
        pod = read_pod(found, self._asked)
        if pod is None:
            return
        seen.add(pod.uid)
        self._book.put(pod)
        if len(seen) > _MOST_PODS:
            raise Unanswered(f"the API server lists more than {_MOST_PODS} pods of one node")

    async def _watch(self) -> bool:
        """Follow until the server ends it; whether that took so long that it works. Raises Expired, Unanswered."""
        lasts = round(WATCH * (1 + self._draw()))
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": str(lasts),
        }
        stream = await get(self._server, self._where(query))
        self._told(None)
        self.following.set()
        began = time.monotonic()
        try:
            async with asyncio.timeout(lasts + _GRACE):
                async for line in _lines(stream):
                    self._heed(line)
        except (TimeoutError, _Broken):
            pass  # begun again: a broken watch is none that is refused
        finally:
            stream.close()
        return time.monotonic() - began >= SETTLED

    def _heed(self, line: bytes) -> None:
        """Take over one event. Raises Expired, Unanswered."""
        try:
            event = json.loads(line)
            kind, found = event["type"], event["object"]
            version = found["metadata"].get("resourceVersion") if kind != "ERROR" else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unanswered("the API server sent an event that cannot be read") from None
        if kind == "ERROR":
            self._refused(found)
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            pod = read_pod(found, self._asked)
            if pod is not None and kind == "DELETED":
                self._book.remove(pod.uid)
            elif pod is not None and len(self._book) < _MOST_PODS:
                self._book.put(pod)
        if isinstance(version, str) and version:
            self._version = version
        self._failures = 0

    def _refused(self, status: object) -> None:
        code = status.get("code") if isinstance(status, dict) else None
        if code == 410:
            raise Expired
        self._version = None  # what a server cannot go on with is listed again
        raise Unanswered(
            f"the API server ended the watch with an error {code if isinstance(code, int) else ''}".strip()
        )

    def _where(self, query: dict[str, str]) -> str:
        return "/api/v1/pods?" + urlencode({"fieldSelector": f"spec.nodeName={self._server.node}", **query})


class _Broken(Exception):  # noqa: N818 - says what it is
    """A watch broke off."""


async def _lines(stream: Stream) -> AsyncIterator[bytes]:
    """The events of a watch, which stand on a line each. Raises _Broken, Unanswered."""
    buffer = bytearray()
    try:
        async for piece in stream.pieces():
            buffer += piece
            while (end := buffer.find(b"\n")) >= 0:
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                if line.strip():
                    yield line
            if len(buffer) > _LARGEST_EVENT:
                break
    except Unanswered:
        raise _Broken from None
    if len(buffer) > _LARGEST_EVENT:
        raise Unanswered(f"the API server sent an event of more than {_LARGEST_EVENT >> 20} MiB")


def pause(failures: int, part: float) -> float:
    """Seconds until the next try after so many failures in a row; `part` of 0 to 1 takes away up to a half."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 30)) * (1 - part / 2)
