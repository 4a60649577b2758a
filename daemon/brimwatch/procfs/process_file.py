"""How is one small file of a process read, and which failures does that have?

Does *not* cover files that are read again and again: those are held open.
"""

import errno
import os

WHOLE = 4096  # bytes: more than any one-line file of /proc/PID holds


def read_process_file(procfs: str, pid: int, name: str, limit: int = WHOLE) -> bytes:
    """Read at most `limit` bytes of `procfs`/`pid`/`name` in one go.

    Raises ProcessLookupError where the process is gone (the kernel says ENOENT or ESRCH, depending on the moment),
    PermissionError where it may not be read. Source: proc(5).
    """
    try:
        descriptor = os.open(f"{procfs}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, limit)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ProcessLookupError(errno.ESRCH, f"no {name} for process {pid} in {procfs}") from None
