"""Which failures does Brimwatch name? Each carries the exit code a command ends with, and one line for its user."""

from __future__ import annotations


class BrimwatchError(Exception):
    """A failure whose text is meant for the user: where, what was found, what was wanted, why it matters."""

    exit_code = 1


class UsageError(BrimwatchError):
    """Bad usage of a command: nothing was started."""

    exit_code = 2


class NotRunError(UsageError):
    """A command of the user's that cannot be executed. Source of the codes: POSIX, Shell Command Language, 2.8.2."""

    def __init__(self, text: str, missing: bool) -> None:
        super().__init__(text)
        self.exit_code = 127 if missing else 126


class ConfigError(BrimwatchError):
    """A configuration that cannot be used. `faults` holds every fault found, one line each."""

    exit_code = 2

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class MalformedProcFile(BrimwatchError):  # noqa: N818 - named after what is malformed
    """A kernel file that does not read as its manual page says."""
