"""How are the hooks packed as a plain folder? A library beside the module that Python imports at its start.

`DIR/lib` is a link to a folder named by its content, so that an export over an earlier one is one rename. The folder
may be a mount point (an init container's `emptyDir`), hence nothing is renamed but what lies in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil

from brimwatch.errors import BrimwatchError, UsageError

MARK = ".brimwatch-hooks"
START = "sitecustomize.py"
LIBRARY = "lib"
_IGNORED = {"lost+found"}


def export(directory: str, force: bool) -> int:
    """Write the folder; returns how many files. Raises UsageError for a folder with something else in it."""
    sources = _sources()
    digest = _digest(sources)
    try:
        os.makedirs(directory, exist_ok=True)
        _refuse_foreign(directory, force)
        _put(directory, MARK, f"{digest}\n")  # first: what follows is ours from here on
        library = f"{LIBRARY}-{digest}"
        _write_library(os.path.join(directory, library), sources)
        _link(directory, library)
        _put(directory, START, sources[f"hooks/start/{START}"])
        _remove_older(directory, library)
    except OSError as error:
        raise BrimwatchError(f"hooks export: {error.filename or directory}: {error.strerror or error}") from None
    return len(sources)


def _sources() -> dict[str, str]:
    """Path below the package, and content, of every file that belongs to the hooks."""
    import brimwatch

    package = os.path.dirname(os.path.abspath(brimwatch.__file__))
    found = {"__init__.py": _read(os.path.join(package, "__init__.py"))}
    for folder, _, files in os.walk(os.path.join(package, "hooks")):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                found[os.path.relpath(path, package)] = _read(path)
    return found


def _digest(sources: dict[str, str]) -> str:
    whole = hashlib.sha256()
    for path in sorted(sources):
        whole.update(f"{path}\0{sources[path]}\0".encode())
    return whole.hexdigest()[:12]


def _refuse_foreign(directory: str, force: bool) -> None:
    entries = set(os.listdir(directory)) - _IGNORED
    if force or not entries:
        return
    if MARK not in entries:
        wanted = "an empty folder or an earlier export (--force writes beside what is there)"
        raise UsageError(f"hooks export: {directory}: found {sorted(entries)[0]}, wanted {wanted}")


def _write_library(path: str, sources: dict[str, str]) -> None:
    """The package below `path`; one that is there already has the same content, or was not finished."""
    shutil.rmtree(path, ignore_errors=True)
    for relative, content in sources.items():
        if relative.startswith("hooks/start/"):
            continue
        folder = os.path.join(path, "brimwatch", os.path.dirname(relative))
        os.makedirs(folder, exist_ok=True)
        _put(folder, os.path.basename(relative), content)
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o755)  # noqa: S103 - the application that reads it is another user


def _link(directory: str, library: str) -> None:
    link, new = os.path.join(directory, LIBRARY), os.path.join(directory, f".{LIBRARY}-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    os.symlink(library, new)
    os.rename(new, link)


def _put(directory: str, name: str, content: str) -> None:
    """A file that is there whole or not at all, readable by all."""
    new = os.path.join(directory, f".{name}-{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), 0o644)
    os.rename(new, os.path.join(directory, name))


def _remove_older(directory: str, library: str) -> None:
    for name in os.listdir(directory):
        if name.startswith(f"{LIBRARY}-") and name != library:
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()
