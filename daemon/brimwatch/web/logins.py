"""Is this the user's password? bcrypt says so, slowly, on a thread of its own.

One check takes 50 ms at a cost of 10 and twice as long for each step above (measured), so a check is never made on the
event loop, never two at once, and few may wait. What was right once is remembered as a salted hash, so that a scrape
costs nothing; what was wrong is checked again each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import queue
import threading
from collections.abc import Mapping
from typing import NamedTuple

MOST_WAITING = 8  # checks; at a cost of 10 half a second of work
COUNTED = 72  # bytes of a password that bcrypt looks at; the rest has never counted
_SPARE_HASH = "CCCCCCCCCCCCCCCCCCCCC." + "." * 31  # salt and hash of nobody: the check takes as long as a real one
_NICE = 10  # the watching comes first


class Given(NamedTuple):
    """What a client says of itself."""

    user: str
    password: bytes


class _Check(NamedTuple):
    hashed: bytes
    password: bytes
    known: bool
    answer: asyncio.Future[bool]


class Logins:
    """The users of one configuration. All methods are for the loop's thread."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self.users = dict(users)
        cost = max((int(hashed[4:6]) for hashed in users.values()), default=10)
        self._nobody = f"$2b${cost:02}${_SPARE_HASH}"
        self._salt = os.urandom(32)
        self._right: dict[str, bytes] = {}
        self._pending: dict[bytes, asyncio.Future[bool]] = {}
        self._work: queue.SimpleQueue[_Check | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def check(self, given: Given) -> bool | None:
        """Is it the password? None: too many wait already. An unknown user takes as long as a known one."""
        password = given.password[:COUNTED]
        mark = hmac.digest(self._salt, given.user.encode() + b"\0" + password, hashlib.sha256)
        known = self._right.get(given.user)
        if known is not None and hmac.compare_digest(known, mark):
            return True
        waiting = self._pending.get(mark)
        if waiting is None:
            if len(self._pending) >= MOST_WAITING:
                return None
            waiting = self._begin(given.user, password, mark)
        right = await asyncio.shield(waiting)
        if right:
            self._right[given.user] = mark
        return right

    def close(self) -> None:
        """Check no more; whoever still waits is told no."""
        self._work.put(None)
        for answer in self._pending.values():
            if not answer.done():
                answer.set_result(False)

    def _begin(self, user: str, password: bytes, mark: bytes) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        answer.add_done_callback(lambda _: self._pending.pop(mark, None))
        self._pending[mark] = answer
        hashed = self.users.get(user)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, args=(loop,), name="logins", daemon=True)
            self._thread.start()
        self._work.put(_Check((hashed or self._nobody).encode(), password, hashed is not None, answer))
        return answer

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        import bcrypt  # a native library, loaded where somebody logs in

        with contextlib.suppress(OSError):  # a sandbox may forbid even this: systemd's @resources
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # of this thread alone: setpriority(2)
        while (check := self._work.get()) is not None:
            try:
                right = bcrypt.checkpw(check.password, check.hashed) and check.known
            except ValueError:  # a password that bcrypt takes for none
                right = False
            try:
                loop.call_soon_threadsafe(_tell, check.answer, right)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return


def _tell(answer: asyncio.Future[bool], right: bool) -> None:
    if not answer.done():
        answer.set_result(right)
