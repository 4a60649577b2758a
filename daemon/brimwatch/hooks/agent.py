"""Who answers in this process? One daemon thread with one socket, which speaks, judges and looks after its own place.

It runs nothing of the program's: hooks run on a lane. It holds no descriptor but sockets that it knows again, and waits
in poll(2), which a fork does not share with the child as epoll would.
"""

from __future__ import annotations

import _thread
import select
import socket
import time

from brimwatch.hooks.client import Client
from brimwatch.hooks.haste import LONGEST, Haste
from brimwatch.hooks.place import Place, listen, sweep
from brimwatch.hooks.state import State
from brimwatch.hooks.thread import start_thread
from brimwatch.hooks.wire import MOST_CLIENTS

NAME = "brimwatch-agent"
CHILD_GRACE = 0.05  # seconds: a forked child that calls exec or ends sooner needs no socket
PLACE_EVERY = 5.0  # seconds between two looks at our own place
SWEEP_EVERY = 30.0
JUDGE_EVERY = 1.0  # seconds between two looks at our own resident set, where nobody else looks
ACCEPT_AGAIN = 0.05  # seconds that nobody is let in after one could not be
SOONEST, LATEST = 0.001, 0.1  # seconds between two looks whether work beside us is over


class Agent:
    """The thread of one process and what it holds."""

    def __init__(self, state: State, grace: float = 0.0) -> None:
        self._state = state
        self._grace = grace
        self.place: Place | None = None
        self.missing: list[str] = []  # why each place was passed over
        self.faults = 0
        self.stopping = False
        self._clients: list[Client] = []
        self._haste = Haste()
        self.lock = _thread.allocate_lock()  # held while a descriptor is made: a fork waits for it
        self._look_at = self._sweep_at = self._accept_at = 0.0

    def start(self) -> bool:
        """Begin to answer; False where no thread can be had."""
        return start_thread(self._run, NAME)

    def open(self) -> bool:
        """Begin to listen where we can; the thread does so by itself, this is for who wants to know at once."""
        with self.lock:
            if self.stopping:
                return False
            if self.place is not None and not self.place.stands():
                self.place.leave()
                self.place = None
            if self.place is None:
                self.missing = []
                self.place = listen(self._state.run_dir, self._state.ticks, self.missing)
            return self.place is not None

    def look_soon(self) -> None:
        """Something was asked anew: see to it at once, on the thread of who asks."""
        if self.place is not None and self._state.run_dir is not None:
            directory = None if self.place.path is None else self.place.path.rpartition("/")[0]
            if directory != self._state.run_dir.rstrip("/"):
                with self.lock:
                    self.place.leave()
        self.open()
        with self.lock:
            if self.place is not None:
                self.place.knock()

    def stop(self) -> None:
        """Leave nothing behind: the name is gone when this returns, the thread ends soon after."""
        self.stopping = True
        if self.lock.acquire(timeout=1.0):
            try:
                if self.place is not None:
                    self.place.unlink()
                    self.place.wake()
            finally:
                self.lock.release()

    def forget(self) -> None:
        """In a forked child: let go of what belongs to the parent, without a word to those it talks to."""
        self.stopping = True
        self._haste.end()
        for held in (self.place, *self._clients):
            if held is not None:
                held.close()
        self.place, self._clients = None, []

    def _run(self) -> None:
        if self._grace:
            time.sleep(self._grace)
        while not self.stopping:
            try:
                self._turn(time.monotonic())
            except Exception:  # noqa: BLE001 - the program does not pay for a fault of ours: counted, shown in status
                try:
                    self.faults += 1
                    self._haste.end()
                except MemoryError:  # once there is some again, we answer again
                    pass
                time.sleep(0.1)
        self._haste.end()
        for held in (self.place, *self._clients):
            if held is not None:
                held.close()

    def _turn(self, now: float) -> None:
        if now >= self._look_at:
            self._look_at = now + PLACE_EVERY
            if self.open() and now >= self._sweep_at and self.place is not None and self.place.path is not None:
                self._sweep_at = now + SWEEP_EVERY
                sweep(self.place.path.rpartition("/")[0])
        self._state.look(now)
        events = self._wait(now)
        now = time.monotonic()
        if events or any(client.pending and now < client.pending.since + LONGEST for client in self._clients):
            self._haste.begin(now)
        self._serve(events)
        self._haste.look(now)

    def _wait(self, now: float) -> dict[int, int]:
        """What has happened on which descriptor. Those that are not ours any more are forgotten first."""
        self._clients = [client for client in self._clients if client.is_ours]
        poll = select.poll()
        if self.place is not None and self.place.is_ours:
            if now >= self._accept_at:
                poll.register(self.place.socket, select.POLLIN)
        else:
            self._look_at = 0.0 if self.place is not None else self._look_at
        for client in self._clients:
            wanted = select.POLLOUT if client.writing else 0 if client.pending or client.full else select.POLLIN
            poll.register(client.socket, wanted)
        return dict(poll.poll(max(0.0, self._patience(now)) * 1000))

    def _patience(self, now: float) -> float:
        waits = [PLACE_EVERY, self._look_at - now, *(client.until - now for client in self._clients)]
        if self._state.judgement.thresholds or self.place is None:  # without a place nobody can wake us
            waits.append(JUDGE_EVERY)
        waits += [_soon(now - client.pending.since) for client in self._clients if client.pending is not None]
        if self._state.untold is not None:
            waits.append(_soon(self._state.aside.age(now)))
        if self._haste.until is not None:
            waits.append(self._haste.until - now)
        if self._accept_at > now:
            waits.append(self._accept_at - now)
        return min(waits)

    def _serve(self, events: dict[int, int]) -> None:
        now = time.monotonic()
        self._clients = [client for client in self._clients if self._go_on(client, events, now)]
        if self.place is not None and events.get(self.place.socket.fileno(), 0) & select.POLLIN and not self.stopping:
            known = set(map(id, self._clients))
            with self.lock:
                for _ in range(MOST_CLIENTS):
                    if not self._accept(now):
                        break
            self._hear([client for client in self._clients if id(client) not in known], now)

    def _hear(self, fresh: list[Client], now: float) -> None:
        """Most have said all of it when they are let in: to wait for that would cost a turn of the interpreter."""
        for client in fresh:
            if not client.writing and not self._go_on(client, {client.socket.fileno(): select.POLLIN}, now):
                self._clients.remove(client)

    def _go_on(self, client: Client, events: dict[int, int], now: float) -> bool:
        """One step of a connection; False, and closed, when it is over. A fault of ours ends this one, and no other."""
        try:
            lives = _step(client, events.get(client.socket.fileno(), 0), now)
        except Exception:  # noqa: BLE001 - counted; who asks sees the end of it, instead of waiting for an answer
            self.faults += 1
            lives = False
        if not lives:
            client.close()
        return lives

    def _accept(self, now: float) -> bool:
        """Take one connection; False when there is none left to take."""
        if self.place is None:
            return False
        try:
            connection, _ = self.place.socket.accept()
        except BlockingIOError:
            return False
        except OSError:  # it went away again, or descriptors have run out: poll would come back at once
            self._accept_at = now + ACCEPT_AGAIN  # not slept here: forks of the program wait for our lock
            return False
        try:
            client = Client(connection, self._state, now)
            if not _hung_up(connection) and client.greet(self.place.group, now):
                self._make_room()
                self._clients.append(client)
            else:
                client.close()
        except BaseException:
            connection.close()
            raise
        return True

    def _make_room(self) -> None:
        """A connection more than there may be takes the place of the one that has been silent for longest."""
        if len(self._clients) < MOST_CLIENTS:
            return
        waiting = [client for client in self._clients if client.pending is None]
        last = min(waiting or self._clients, key=lambda client: (not client.idle, client.until))
        last.close()
        self._clients.remove(last)


def _hung_up(connection: socket.socket) -> bool:
    """Whether who connected has gone without a word: it takes nobody's place."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return False


def _step(client: Client, event: int, now: float) -> bool:
    if client.pending is not None:
        return not event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) and client.settle(now)
    if event & select.POLLOUT:
        return client.write(now) and client.advance(now)
    if event & select.POLLIN:
        return client.read(now)
    return not event and now < client.until


def _soon(age: float) -> float:
    """When to look again at work that has taken `age` seconds: soon at first, a tenth of its age later on."""
    return min(LATEST, max(SOONEST, age / 10))
