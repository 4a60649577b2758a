"""Is a descriptor still the socket that we opened? A program that becomes a daemon closes every number it can count to.

The number is then given to a file of the program's own: what we would close, or read, is no longer ours.
"""

from __future__ import annotations

import os
import socket


class HeldSocket:
    """A socket and the inode number by which it is known again."""

    __slots__ = ("inode", "socket")

    def __init__(self, held: socket.socket) -> None:
        self.socket = held
        self.inode = os.fstat(held.fileno()).st_ino

    @property
    def is_ours(self) -> bool:
        """False once it was closed behind our back, or here."""
        number = self.socket.fileno()
        try:
            return number >= 0 and os.fstat(number).st_ino == self.inode
        except OSError:
            return False

    def close(self) -> None:
        """Close it if it is ours, else forget the number."""
        if self.is_ours:
            self.socket.close()
        else:
            self.socket.detach()

    def wake(self) -> None:
        """Let a poll on this listening socket return, on whatever thread it waits."""
        if self.is_ours:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # another thread was faster
                return
