"""What does a forked child find? It does its work or, where it hangs, is ended by its own alarm."""

import os
import signal
from collections.abc import Callable


def in_child(work: Callable[[], int]) -> int:
    """What the work in a child returns (0 to 255); 255 where it raised, negative where a signal ended it."""
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(15)
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
