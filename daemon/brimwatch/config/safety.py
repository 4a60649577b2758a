"""Is a configuration file what its owner wrote? Reads it within bounds, and refuses one that others could have written.

Whoever writes the configuration of a daemon that runs as root decides what root signals, writes and runs. The checks
hold for the open descriptor and not for a name, so that nothing can be swapped in between.
"""

from __future__ import annotations

import os
import stat

from brimwatch.config.faults import harmless, sentence
from brimwatch.config.tree import LONGEST
from brimwatch.errors import ConfigError

_CHUNK = 1 << 20
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def read_safely(path: str, uid: int) -> bytes:
    """Read a file of at most 8 MiB and a byte more, following symbolic links, for a process of effective user `uid`.

    Raises ConfigError when it cannot be read, is no regular file, or, where `uid` is 0, when someone other than root
    may write it or replace it in its directory. A world-writable directory is allowed where it is sticky, as /tmp is.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a path holds no NUL"
        raise _refusal(path, "a file that cannot be opened", "a configuration", str(why)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(path, "something that is no regular file", "a configuration")
        if uid == 0:
            _check(path, status, os.stat(os.path.dirname(os.path.realpath(path))))
        return _read(descriptor)
    except OSError as error:
        raise _refusal(path, "a file that cannot be read", "a configuration", str(error.strerror)) from None
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    chunks = []
    length = 0
    while length <= LONGEST:  # one chunk beyond the bound is enough to refuse it
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            break
        chunks.append(chunk)
        length += len(chunk)
    return b"".join(chunks)


def _check(path: str, file: os.stat_result, directory: os.stat_result) -> None:
    why = "the daemon runs as root, and whoever writes its configuration decides what root does"
    if file.st_uid != 0:
        raise _refusal(path, f"a file of uid {file.st_uid}", "one of root", why)
    if file.st_mode & _OTHERS:
        raise _refusal(path, f"mode {stat.S_IMODE(file.st_mode):04o}", "a file that only root may write", why)
    if directory.st_uid != 0:
        raise _refusal(path, f"a directory of uid {directory.st_uid}", "one of root", why)
    if directory.st_mode & _OTHERS and not directory.st_mode & stat.S_ISVTX:
        mode = stat.S_IMODE(directory.st_mode)
        raise _refusal(path, f"a directory of mode {mode:04o}", "one that only root may write", why)


def _refusal(path: str, found: str, wanted: str, why: str = "") -> ConfigError:
    return ConfigError((harmless(f"{path}: {sentence(found, wanted, why)}"),))
