"""How is much asked of one process, when any answer may be refused, or may never come?"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from brimwatch.errors import MalformedProcFile
from brimwatch.inspect.found import Missing

Answer = TypeVar("Answer")

PATIENCE = 15.0  # seconds; the page tables of 500 GB are walked within them
_DENIED = (
    "permission denied: it takes the same user without more capabilities on its side, or CAP_SYS_PTRACE,"
    " and CAP_DAC_READ_SEARCH where the user is another"
)
_NO_FILE = "this kernel has no such file"


class Gaps:
    """Asks, and keeps a list of what was not answered."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self.missing: list[Missing] = []

    def note(self, what: str, why: str) -> None:
        """Say that something is missing."""
        self.missing.append(Missing(what, why))

    def ask(self, what: str, read: Callable[[], Answer]) -> Answer | None:
        """The answer, or None and a note. Raises ProcessLookupError: then nothing else is worth asking."""
        try:
            return read()
        except ProcessLookupError:
            raise
        except PermissionError:
            self.note(what, _DENIED)
        except FileNotFoundError:
            self.note(what, _NO_FILE)
        except TimeoutError:
            self.note(
                what, f"no answer within {self._patience:g} s: its memory map is locked, by a stuck page fault perhaps"
            )
        except (OSError, ValueError, MalformedProcFile) as error:
            self.note(what, str(error))
        return None

    def ask_patiently(self, what: str, read: Callable[[], Answer]) -> Answer | None:
        """The same for a read that takes the process's mmap lock, and waits for as long as that is held."""
        return self.ask(what, lambda: self._within(read))

    def _within(self, read: Callable[[], Answer]) -> Answer:
        answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put(read())
            except Exception as error:  # noqa: BLE001 - raised again where it was asked
                answers.put(error)

        # A daemon thread: the lock is waited for in a way that only the end of our process ends.
        threading.Thread(target=run, daemon=True, name="inspect").start()
        try:
            answer = answers.get(timeout=self._patience)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(answer, Exception):
            raise answer
        return answer
