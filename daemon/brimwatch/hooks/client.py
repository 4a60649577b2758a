"""How far is one connection? Reading a request, waiting for the hooks, writing the answer; each with its time."""

from __future__ import annotations

import os
import socket
import sys

from brimwatch.hooks.answers import Answer, Pending, answer, denied, refusal
from brimwatch.hooks.attempt import describe
from brimwatch.hooks.held import HeldSocket
from brimwatch.hooks.http import Head, Refused, split_head, write_answer
from brimwatch.hooks.wire import IDLE_SECONDS, LONGEST_BODY, LONGEST_HEAD, REQUEST_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brimwatch.hooks.state import State

_CREDENTIALS = 12  # bytes of struct ucred: pid, uid, gid. Source: unix(7)


class Client(HeldSocket):
    """One connection. Nothing here blocks."""

    __slots__ = ("_body", "_buffer", "_head", "_out", "_state", "gid", "keep", "pending", "pid", "uid", "until")

    def __init__(self, connection: socket.socket, state: State, now: float) -> None:
        super().__init__(connection)
        connection.setblocking(False)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS)
        self.pid = int.from_bytes(credentials[:4], sys.byteorder)
        self.uid = int.from_bytes(credentials[4:8], sys.byteorder)
        self.gid = int.from_bytes(credentials[8:], sys.byteorder)
        self._state = state
        self._buffer = b""
        self._out = b""
        self._head: Head | None = None
        self._body = 0  # where the body begins
        self.pending: Pending | None = None
        self.keep = True
        self.until = now + REQUEST_SECONDS

    @property
    def idle(self) -> bool:
        """Between two requests."""
        return not self._buffer and not self._out and self.pending is None

    @property
    def writing(self) -> bool:
        """Whether an answer is on its way."""
        return bool(self._out)

    def greet(self, group: int | None, now: float) -> bool:
        """True for root, our own user, and the group that root lets ask; another one is told so, and that is all."""
        if self.uid in (0, os.geteuid()) or (group is not None and self.gid == group):
            return True
        self.keep = False
        self.say(denied(), now)
        return False

    def read(self, now: float) -> bool:
        """Take what has come; False when the connection is over."""
        try:
            received = self.socket.recv(65536)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if not received:
            return False
        if self.idle:
            self.until = now + REQUEST_SECONDS
        self._buffer += received
        return self.advance(now)

    def advance(self, now: float) -> bool:
        """Answer the requests that are complete; False when the connection is over."""
        while not self._out and self.pending is None:
            try:
                found = self._next(now)
            except Refused as refused:
                self.keep = False  # where the next request would begin is not known
                found = refusal(refused)
            if found is None:
                return True
            if isinstance(found, Pending):
                self.pending, self.until = found, found.until
            elif not self.say(found, now):
                return False
        return True

    def _next(self, now: float) -> Answer | Pending | None:
        if self._head is None:
            split = split_head(self._buffer)
            if split is None:
                return None
            self._head, self._body = split
        if len(self._buffer) < self._body + self._head.length:
            return None
        return self._take(self._head, now)

    def _take(self, head: Head, now: float) -> Answer | Pending:
        end = self._body + head.length
        body, self._buffer, self._head = self._buffer[self._body : end], self._buffer[end:], None
        self.keep = head.keep
        try:
            return answer(self._state, head, body, self.pid, now)
        except Refused as refused:
            return refusal(refused)  # understood and refused: the connection can go on
        except Exception as fault:  # noqa: BLE001 - a fault of ours is an answer, so that who asks hears of it
            return Answer(500, {"error": "error", "detail": describe(fault)})

    def settle(self, now: float) -> bool:
        """Answer what was pending, if it is ready or its time is up; False when the connection is over."""
        pending = self.pending
        if pending is None or not (pending.ready() or now >= pending.until):
            return True
        self.pending = None
        return self.say(pending.make(), now) and self.advance(now)

    def say(self, said: Answer, now: float) -> bool:
        """Begin to write an answer; False when the connection is over."""
        self._out = write_answer(said.status, said.body, self.keep)
        self.until = now + REQUEST_SECONDS
        return self.write(now)

    def write(self, now: float) -> bool:
        """Write what the socket takes; False when the connection is over."""
        try:
            sent = self.socket.send(self._out, socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        self._out = self._out[sent:]
        if self._out:
            return True
        self.until = now + (REQUEST_SECONDS if self._buffer else IDLE_SECONDS)
        return self.keep

    @property
    def full(self) -> bool:
        """Whether as much was sent ahead as one request may have."""
        return len(self._buffer) > LONGEST_HEAD + LONGEST_BODY
