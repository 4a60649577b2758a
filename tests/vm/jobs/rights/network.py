"""How does a machine without a network have somebody else in one? An address of a private network on its loopback."""

import fcntl
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

_SIOCSIFADDR = 0x8916  # netdevice(7)


def add_address(address: str) -> None:
    """Give the loopback interface another address, which the firewall of a unit does not take for localhost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, request)


class Post:
    """A server that takes messages; `received` are their bodies."""

    def __init__(self, address: str, port: int) -> None:
        self.received: list[bytes] = []
        received = self.received

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer((address, port), Taker)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Post":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
