"""How does a receiver know that a message is ours? By its signature, after Standard Webhooks.

HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`. A secret file holds one secret a line; each makes a
signature of its own, so that a secret can be replaced while receivers still know the old one only. The file is read for
each message. Source: Standard Webhooks, "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import stat
from collections.abc import Sequence

from brimwatch.act.webhook_options import is_header_value

PREFIX = "whsec_"
MOST_SECRETS = 8
_LONGEST_FILE = 1 << 16
_LONGEST_VALUE = 8192  # of a header from a file: tokens are long


class UnusableSecret(Exception):  # noqa: N818 - says what it is; the message is not sent
    """A file that holds no secret as it should. The text names the file and never its content."""


def signed(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: a signature for each secret, with blanks between."""
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, content, hashlib.sha256).digest() for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def read_secrets(path: str) -> tuple[bytes, ...]:
    """The secrets of a file, in its order: `whsec_` and base64, or any other text as it stands.

    Raises UnusableSecret.
    """
    lines = [line.strip() for line in _read(path).splitlines()]
    lines = [line for line in lines if line]
    if not 1 <= len(lines) <= MOST_SECRETS:
        raise UnusableSecret(f"{path} holds {len(lines)} secrets, wanted 1 to {MOST_SECRETS}, one a line")
    return tuple(_key(line, path) for line in lines)


def read_header(path: str) -> str:
    """The value of a header, or a token: the one line of a file. Raises UnusableSecret."""
    text = _read(path).decode("utf-8", "replace").strip()
    if not is_header_value(text) or len(text) > _LONGEST_VALUE:
        raise UnusableSecret(f"{path} holds no value of a header, wanted one line of printable ASCII")
    return text


def _key(line: bytes, path: str) -> bytes:
    prefix = PREFIX.encode()
    if not line.startswith(prefix):
        return line
    try:
        key = base64.b64decode(line.removeprefix(prefix), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise UnusableSecret(f"{path} holds a secret that is no base64 behind {PREFIX}")
    return key


def _read(path: str) -> bytes:
    """A small regular file. Links are followed: a mounted Secret of Kubernetes is one. Raises UnusableSecret."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnusableSecret(f"{path} is no regular file")
            content = os.read(descriptor, _LONGEST_FILE + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnusableSecret(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _LONGEST_FILE:
        raise UnusableSecret(f"{path} is larger than 64 KiB")
    return content
