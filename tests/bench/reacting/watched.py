"""When did the daemon send what it sent? Runs `brimwatch` with the words given, and notes each request on its way out.

    python watched.py FILE run --config.file ...

One line for each: `signal|hook PID NANOSECONDS`, CLOCK_MONOTONIC, after the system call that sent it. The two functions
that send are wrapped; nothing else of the daemon is changed.
"""

import asyncio
import signal
import socket
import struct
import sys
import time

from brimwatch.cli.main import main

CREDENTIALS = struct.Struct("=iII")  # struct ucred. Source: unix(7)


def note(stream: object, kind: str, pid: int) -> None:
    stream.write(f"{kind} {pid} {time.monotonic_ns()}\n")  # type: ignore[attr-defined]


def wrap(path: str) -> None:
    stream = open(path, "w", buffering=1)  # noqa: SIM115 - as long as the daemon lives
    send, ask = signal.pidfd_send_signal, asyncio.SelectorEventLoop.sock_sendall

    def sent(pidfd: int, number: int, *more: object) -> None:
        send(pidfd, number, *more)  # type: ignore[arg-type]
        if number:
            note(stream, "signal", pid_of(pidfd))

    async def asked(loop: asyncio.SelectorEventLoop, client: socket.socket, data: bytes) -> None:
        await ask(loop, client, data)
        if data.startswith(b"POST /v1/reclaim"):
            peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
            note(stream, "hook", CREDENTIALS.unpack(peer)[0])

    signal.pidfd_send_signal = sent  # type: ignore[assignment]
    asyncio.SelectorEventLoop.sock_sendall = asked  # type: ignore[assignment,method-assign]


def pid_of(pidfd: int) -> int:
    with open(f"/proc/self/fdinfo/{pidfd}") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


if __name__ == "__main__":
    wrap(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
