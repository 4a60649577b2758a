"""How large is this process? Its resident set, as the kernel counts it."""

import os

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes. Source: proc_pid_statm(5)."""
    with open("/proc/self/statm", "rb", 0) as file:
        return int(file.read().split()[1]) * PAGE
