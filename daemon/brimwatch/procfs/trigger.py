"""How does the kernel wake whoever waits for memory pressure, or for an event in a cgroup? Descriptors to be polled.

All three are ready for `select.EPOLLPRI` or EPOLLIN only when something has happened; none of them costs anything
until then. Once a descriptor is closed the kernel forgets the trigger.
"""

from __future__ import annotations

import errno
import os

from brimwatch.procfs.cgroup_place import Directory, Place

WINDOWS = (1_000_000, 2_000_000)  # microseconds; without CAP_SYS_RESOURCE a window is a multiple of 2 seconds
SHARE = 20  # one such part of a window lost to waiting for memory is an event: 5 %


def open_pressure_trigger(path: str, directory: int | None = None) -> int:
    """A descriptor that is ready for EPOLLPRI when tasks waited for memory for 5 % of a second (or of two).

    At most one event comes in a window; EPOLLERR means that the cgroup is gone. `path` is a pressure file, below
    `directory` where that is given. Source: Documentation/accounting/psi.rst; windows of unprivileged users: Linux
    commit d82caa273565 (6.4). Raises OSError: PermissionError before that without the capability, or where we may not
    write.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        if os.fstat(descriptor).st_size:  # the kernel's own are empty until they are read
            raise OSError(errno.EOPNOTSUPP, "is no file of the kernel's", path)
        for window in WINDOWS:
            try:
                os.write(descriptor, b"some %d %d\0" % (window // SHARE, window))
                return descriptor
            except OSError as error:
                if error.errno != errno.EINVAL or window == WINDOWS[-1]:
                    raise
    except BaseException:
        os.close(descriptor)
        raise
    raise AssertionError("WINDOWS is empty")


def open_oom_event(place: Place) -> int:
    """An eventfd that is ready for EPOLLIN when a v1 cgroup runs out of memory, before the kernel has killed.

    Source: Documentation/admin-guide/cgroup-v1/memory.rst, 10. OOM Control. Raises OSError: PermissionError where we
    may not write to the cgroup.
    """
    event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    try:
        with Directory(place) as directory:
            control = directory.open("memory.oom_control")
            try:
                orders = os.open("cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory.descriptor)
                try:
                    os.write(orders, b"%d %d" % (event, control))
                finally:
                    os.close(orders)
            finally:
                os.close(control)
    except BaseException:
        os.close(event)
        raise
    return event
