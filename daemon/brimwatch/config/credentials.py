"""Which secrets has systemd handed us? Files in a folder that nobody else may enter.

Source: systemd.exec(5), `LoadCredential=`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

TOKEN = "brimwatch.token"  # noqa: S105 - the name of a file
_FOLDER = "CREDENTIALS_DIRECTORY"


def find_credential(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The path of a credential, or None where none of that name was handed to us."""
    folder = environ.get(_FOLDER, "")
    path = os.path.join(folder, name)
    return path if folder.startswith("/") and os.path.isfile(path) else None


def is_credential(path: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a file lies in that folder: who may read it is systemd's business, and its mode shows an access list."""
    folder = environ.get(_FOLDER, "")
    return folder.startswith("/") and os.path.dirname(os.path.abspath(path)) == os.path.normpath(folder)
