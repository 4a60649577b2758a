"""Receivers of webhooks on loopback that do well, or badly in one way each. Real sockets and TLS, a thread each.

A behaviour is a function of a connection and its receiver. `sink(behaviour)` serves it and remembers all it heard.
"""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

GIGABYTE = 1 << 30


@dataclass
class Heard:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Sink:
    """A running receiver. `sent` counts the bytes that a behaviour could get rid of."""

    port: int
    scheme: str = "http"
    heard: list[Heard] = field(default_factory=list)
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"


Behaviour = Callable[[socket.socket, Sink], None]


def answer(status: str, body: bytes = b"", *headers: str) -> Behaviour:
    """A proper answer, such as `answer("503 Busy", b"later", "Retry-After: 7")`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return raw("\r\n".join(lines).encode() + body)


def raw(said: bytes) -> Behaviour:
    """These bytes, and the end."""

    def behave(connection: socket.socket, sink: Sink) -> None:
        connection.sendall(said)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Another behaviour with each request; the last one stays."""

    def behave(connection: socket.socket, sink: Sink) -> None:
        behaviours[min(len(sink.heard), len(behaviours)) - 1](connection, sink)

    return behave


def silent(connection: socket.socket, sink: Sink) -> None:
    """Takes the request and says nothing."""
    sink.over.wait()


def stalls(said: bytes) -> Behaviour:
    """Says these bytes, and then nothing more, without an end."""

    def behave(connection: socket.socket, sink: Sink) -> None:
        connection.sendall(said)
        sink.over.wait()

    return behave


def drips(head: bytes, drop: bytes) -> Behaviour:
    """Says the head, and then a drop every 20 ms for ever: no single wait is long."""

    def behave(connection: socket.socket, sink: Sink) -> None:
        connection.sendall(head)
        while not sink.over.wait(0.02):
            connection.sendall(drop)

    return behave


def floods(head: bytes, total: int) -> Behaviour:
    """Says the head, and then `total` bytes as fast as they are taken."""

    def behave(connection: socket.socket, sink: Sink) -> None:
        connection.sendall(head)
        block = b"x" * 65536
        while sink.sent < total and not sink.over.is_set():
            sink.sent += connection.send(block)

    return behave


@contextlib.contextmanager
def sink(behaviour: Behaviour, tls: ssl.SSLContext | None = None, reads: bool = True) -> Iterator[Sink]:
    """Serve a behaviour; `reads`: whether it takes the request first."""
    with _listening() as listener:
        found = Sink(listener.getsockname()[1], "http" if tls is None else "https")

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), contextlib.closing(connection):
                stream = connection if tls is None else tls.wrap_socket(connection, server_side=True)
                with contextlib.closing(stream):
                    stream.settimeout(20)
                    if reads:
                        found.heard.append(read_request(stream))
                    behaviour(stream, found)

        with _accepting(listener, serve):
            yield found
            found.over.set()


@dataclass
class Proxy:
    """A running forward proxy, and the request lines it was asked."""

    port: int
    asked: list[Heard] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def proxy(refusal: bytes = b"") -> Iterator[Proxy]:
    """A forward proxy: CONNECT makes a tunnel, other requests are passed on. With a `refusal` it only says that."""
    with _listening() as listener:
        found = Proxy(listener.getsockname()[1])

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), contextlib.closing(connection):
                connection.settimeout(20)
                heard = read_request(connection)
                found.asked.append(heard)
                if refusal:
                    connection.sendall(refusal)
                    return
                method, where, _ = heard.line.split()
                place = where.removeprefix("http://")
                host, _, port = place.partition("/")[0].rpartition(":")
                with socket.create_connection((host, int(port)), timeout=20) as onward:
                    if method == "CONNECT":
                        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    else:
                        lines = [f"{method} /{place.partition('/')[2]} HTTP/1.1"]
                        lines += [f"{name}: {value}" for name, value in heard.headers.items()]
                        onward.sendall("\r\n".join([*lines, "", ""]).encode() + heard.body)
                    _pump_both(connection, onward)

        with _accepting(listener, serve):
            yield found


def read_request(connection: socket.socket) -> Heard:
    stream = connection.makefile("rb")
    line = stream.readline().decode().strip()
    if not line:
        raise ConnectionResetError("no request")
    headers: dict[str, str] = {}
    while text := stream.readline().decode("latin-1").strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Heard(line, headers, stream.read(int(headers.get("content-length", "0"))))


def _pump_both(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join(20)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextlib.contextmanager
def _accepting(listener: socket.socket, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    def accept() -> None:
        with contextlib.suppress(OSError):  # the end: the listener was closed
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of our own: its certificate, and a server that shows one it signed for 127.0.0.1."""

    ca_file: str
    server: ssl.SSLContext


def authority(openssl: str, folder: Path, name: str = "IP:127.0.0.1") -> Authority:
    """Make an authority, and a certificate for `name` that it signed."""

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run(
        "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests' authority",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    (folder / "extensions").write_text(
        f"subjectAltName={name}\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:FALSE\n"
    )
    run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=sink")
    run(
        "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-out", "server.pem", "-extfile", "extensions",
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    return Authority(str(folder / "ca.pem"), server)
