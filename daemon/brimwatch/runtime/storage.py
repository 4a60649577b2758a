"""Where is kept what must outlive the daemon: journal and artefacts? Where it was told, else where it may."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Mapping

NAME = "brimwatch"
SYSTEM = "/var/lib/brimwatch"


def find_storage(option: str | None, environ: Mapping[str, str] = os.environ, uid: int | None = None) -> str:
    """The folder, which need not be there yet: `--storage.path`, systemd's StateDirectory, or a usual place.

    The usual places are /var/lib/brimwatch for root, else $XDG_STATE_HOME or ~/.local/state. Source: systemd.exec(5),
    XDG Base Directory Specification.
    """
    if option:
        return os.path.abspath(option)
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if state.startswith("/"):
        return state
    owner = os.geteuid() if uid is None else uid
    if owner == 0:
        return SYSTEM
    home = environ.get("XDG_STATE_HOME", "")
    if not home.startswith("/"):
        home = os.path.join(_home(environ, owner), ".local", "state")
    return os.path.join(home, NAME)


def storage_beside(environ: Mapping[str, str] = os.environ, uid: int | None = None) -> str | None:
    """Where a watch on one process, made by hand, keeps what it leaves: beside the service's place, never in it.

    None where systemd has given a folder: that is the watch's own already.
    """
    if environ.get("STATE_DIRECTORY", "").startswith("/"):
        return None
    return f"{find_storage(None, environ, uid)}-pid"


def prepare_storage(folder: str) -> str | None:
    """Make the folder, for us alone where it is new; returns why it cannot be used, or None where it can."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.stat(folder)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder}: not a folder"
    if found.st_uid not in (0, os.geteuid()):
        return f"{folder}: it belongs to uid {found.st_uid}, who could put anything in the place of what we write"
    if found.st_mode & stat.S_IWOTH:
        return f"{folder}: others may write to it (mode {stat.S_IMODE(found.st_mode):04o})"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder}: not ours to write to"
    return None


def open_storage(option: str | None) -> tuple[str | None, str]:
    """The folder, made where it was missing, or None and why; an empty `option` asks for none, which needs no why."""
    if option == "":
        return None, ""
    folder = find_storage(option)
    why = prepare_storage(folder)
    return (folder, "") if why is None else (None, why)


def _home(environ: Mapping[str, str], uid: int) -> str:
    home = environ.get("HOME", "")
    if home.startswith("/"):
        return home
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"  # a uid that nobody knows: what is made of it cannot be written, and that is said
