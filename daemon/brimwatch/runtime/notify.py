"""How does systemd learn that the daemon is ready, alive, reloading or stopping? Source: sd_notify(3)."""

from __future__ import annotations

import os
import socket


class Notifier:
    """Sends states to the socket in NOTIFY_SOCKET; without one it does nothing."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        values = os.environ if environ is None else environ
        self._address = values.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        elif not self._address.startswith("/"):
            self._address = ""
        for_us = values.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        micros = values.get("WATCHDOG_USEC", "")
        self.watchdog = int(micros) / 1e6 if micros.isdigit() and int(micros) and for_us else None
        """Seconds after which systemd ends a silent daemon, or None."""

    def send(self, *states: str) -> bool:
        """Send states such as `READY=1`. False where nobody listens; a full or gone socket never stops the daemon."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
                sock.sendto("\n".join(states).encode(), self._address)
        except OSError:
            return False
        return True
