"""What stands in the files of certificates and keys that a web configuration names?

Each is read once, within bounds; what was read is what is loaded, whatever happens to the file in between.
"""

from __future__ import annotations

import os
import re
import stat

from brimwatch.config.nodes import Node

_LONGEST = 1 << 20  # bytes: a bundle of all public authorities is about 220 KB
_CERTIFICATE = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")
_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")


class Shelf:
    """Reads what one configuration names; relative names start at its own folder."""

    def __init__(self, folder: str, seen: set[str]) -> None:
        self._folder = folder
        self._seen = seen
        self.findings: list[str] = []

    def pick(self, fields: dict[str, Node], inline: str, file: str, secret: bool) -> tuple[Node, bytes] | None:
        """The PEM that is written under `inline` or stands in the file under `file`; None: neither, or a fault."""
        if inline in fields and file in fields:
            fields[inline].fault(f"{inline} beside {file}", "one of them", "which of the two counts could not be told")
            return None
        if inline in fields:
            text = fields[inline].scalar("PEM text")
            return None if text is None else self._checked(fields[inline], text.encode(), secret)
        if file not in fields:
            return None
        name = fields[file].text()
        content = None if name is None else self._read(fields[file], os.path.join(self._folder, name), secret)
        return None if content is None else self._checked(fields[file], content, secret)

    def _checked(self, node: Node, content: bytes, secret: bool) -> tuple[Node, bytes] | None:
        if (_KEY if secret else _CERTIFICATE).search(content):
            return node, content
        kind = "a private key" if secret else "a certificate"
        node.fault(f"nothing that is {kind} in PEM", f"-----BEGIN {'PRIVATE KEY' if secret else 'CERTIFICATE'}-----")
        return None

    def _read(self, node: Node, path: str, secret: bool) -> bytes | None:
        self._seen.add(path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "a path holds no NUL"
            node.fault(f"{node.shown}, which cannot be opened", "a readable file", str(why))
            return None
        try:
            status = os.fstat(descriptor)
            content = _whole(descriptor) if stat.S_ISREG(status.st_mode) else None
        except OSError as error:
            node.fault(f"{node.shown}, which cannot be read", "a readable file", str(error.strerror))
            return None
        finally:
            os.close(descriptor)
        if content is None or len(content) > _LONGEST:
            node.fault(node.shown, f"a regular file of at most {_LONGEST >> 20} MiB")
            return None
        if secret and status.st_mode & stat.S_IROTH:
            mode = stat.S_IMODE(status.st_mode)
            self.findings.append(f"the key {path} may be read by everyone (mode {mode:04o}); 0600 keeps it secret")
        return content


def _whole(descriptor: int) -> bytes:
    chunks, length = [], 0
    while length <= _LONGEST and (chunk := os.read(descriptor, 1 << 16)):
        chunks.append(chunk)
        length += len(chunk)
    return b"".join(chunks)
