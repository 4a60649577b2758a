"""Where may the agent of a process have its socket, and may what lies there be trusted?

The same places in which an agent tries to listen (docs/hooks.md), for the user of the target, not for ours.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from brimwatch.hooks.wire import RUN_DIR, private_dir, run_dirs


def directories(
    run_dir: str, uid: int, environ: Mapping[str, str] | None = None, runtime: str = "/run/user"
) -> tuple[str, ...]:
    """The run directories of one user's agents, the likeliest first; `run_dir` is what the configuration says.

    `$BRIMWATCH_RUN_DIR` is ours: a target that was started with another one has to be told of in `run_dir`.
    """
    known = os.environ if environ is None else environ
    ours = run_dirs(uid, {key: value for key, value in known.items() if key != "XDG_RUNTIME_DIR"})
    return tuple(dict.fromkeys((run_dir, *ours, RUN_DIR, f"{runtime}/{uid}/brimwatch", private_dir(uid))))


def doubt_directory(status: os.stat_result, uid: int) -> str | None:
    """Why a directory is not one in which only root and `uid` can put an agent of `uid`; None where it is."""
    if not stat.S_ISDIR(status.st_mode):
        return "is no directory"
    if status.st_uid not in (0, uid):
        return f"belongs to uid {status.st_uid}"
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        return f"has mode {stat.S_IMODE(status.st_mode):04o}: others can replace what is in it"
    return None


def doubt_run_dir(run_dir: str) -> str | None:
    """Why agents and we cannot meet in a configured run directory; None where we can, or it is not there yet."""
    try:
        status = os.stat(run_dir)
    except FileNotFoundError:
        return None
    except OSError as error:
        return str(error.strerror)
    doubt = doubt_directory(status, os.geteuid())
    if doubt is None and not os.access(run_dir, os.R_OK | os.X_OK):
        return "may not be read by this user"
    return doubt
