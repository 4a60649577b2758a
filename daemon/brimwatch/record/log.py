"""How are events written to standard error, in logfmt, JSON or for a person?

A line never exceeds what a pipe takes at once (4,096 bytes), and is written only where that cannot block: a log nobody
reads, a broken pipe or a full disk cost lines, which are counted and told in the next line, never the daemon. Nothing
a target says can end a line or move the cursor.
"""

from __future__ import annotations

import enum
import logging
import math
import os
import select
import sys
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from types import ModuleType

from brimwatch.record.catalogue import Level
from brimwatch.record.events import Fact, Recorded
from brimwatch.record.sentences import sentence
from brimwatch.record.text import escaped, timestamp

LONGEST_LINE = 4096  # PIPE_BUF: pipe(7) writes this much whole, and poll(2) says that there is room for it
_LONGEST_TEXT = 300
_TEXT_BYTES = 1600  # of all texts of one line together; escaping may double them
_LONGEST_TRACE = 1200
_LIBRARY_LINES = 20  # a minute
_COLOURS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
Line = MutableMapping[str, object]


class Format(enum.StrEnum):
    """How a line looks."""

    LOGFMT = "logfmt"
    JSON = "json"
    CONSOLE = "console"


class Descriptor:
    """Lines to a file descriptor, dropped where writing would block or fails; `lost` counts these."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.lost = 0

    def msg(self, message: str) -> None:
        """Write one line, or lose it."""
        line = message.encode("utf-8", "backslashreplace")[: LONGEST_LINE - 1] + b"\n"
        try:
            if self._poll.poll(0):
                os.write(self._descriptor, line)
                self.lost = 0
                return
        except OSError:
            self.lost += 1
            return
        self.lost += 1

    debug = info = warning = error = msg


class Log:
    """The log of the daemon. `write` is a subscriber of the EventLog."""

    def __init__(self, form: Format, level: Level, descriptor: int = 2, clock: Callable[[], float] = time.time) -> None:
        structlog = _structlog()
        self._clock = clock
        self._sink = Descriptor(descriptor)
        self._logger = structlog.wrap_logger(
            self._sink,
            processors=[structlog.processors.add_log_level, _bound, _renderer(structlog, form, descriptor)],
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.value]),
        )

    def write(self, recorded: Recorded) -> None:
        """Write one event. Never raises."""
        event = recorded.event
        facts: dict[str, Fact] = {}
        if event.target is not None:
            facts["target"] = event.target
        if event.member is not None:
            facts["member"] = event.member
        self._line(event.level, event.name.value, event.wall, facts | dict(event.facts), sentence(event))

    def message(self, level: Level, source: str, text: str, error: BaseException | None = None) -> None:
        """Write what a library says, with the end of its traceback. Never raises."""
        facts: dict[str, Fact] = {"source": source}
        if error is not None:
            facts["trace"] = "".join(traceback.format_exception(error))[-_LONGEST_TRACE:]
        self._line(level, "library_said", self._clock(), facts, text)

    def _line(self, level: Level, name: str, wall: float, facts: Mapping[str, Fact], told: str) -> None:
        lost = {"lines_lost": self._sink.lost} if self._sink.lost else {}
        say = getattr(self._logger, level.value)
        say(name, time=timestamp(wall), **lost, **facts, msg=told)

    def listen(self) -> LibraryHandler:
        """Take the warnings of libraries (uvicorn, asyncio) into this log; without it they reach standard error raw."""
        handler = LibraryHandler(self, self._clock)
        logging.getLogger().addHandler(handler)
        return handler


class LibraryHandler(logging.Handler):
    """Hands what libraries log to the Log, at most 20 lines a minute: anyone who reaches the port can cause them."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.time) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._clock = clock
        self._minute = -1
        self._written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line."""
        minute = int(self._clock() // 60)
        self._written = self._written + 1 if minute == self._minute else 1
        self._minute = minute
        if self._written > _LIBRARY_LINES:
            return
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        if self._written == _LIBRARY_LINES:
            text += " (no more such lines this minute)"
        level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        self._log.message(level, record.name, text.strip(), record.exc_info[1] if record.exc_info else None)


def _structlog() -> ModuleType:
    """Import structlog without rich, which it loads where installed: 4.7 MB and 6,500 objects for tracebacks."""
    absent = "rich" not in sys.modules
    if absent:
        sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog
    finally:
        if absent:
            del sys.modules["rich"]
    return structlog


def _bound(_: object, __: str, line: Line) -> Line:
    """Escape and cut every text, and round every number, so that the line keeps within its length."""
    room = _TEXT_BYTES
    for key, value in line.items():
        if isinstance(value, str):
            text = escaped(value, _LONGEST_TRACE if key == "trace" else _LONGEST_TEXT)
            size = len(text.encode("utf-8"))
            line[key] = text if size <= room else escaped(text, max(1, room // 4))
            room -= min(size, room)
        elif isinstance(value, float):
            line[key] = _number(value)
    return line


def _number(value: float) -> int | float | str:
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() else round(value, 6)


def _renderer(structlog: ModuleType, form: Format, descriptor: int) -> Callable[[object, str, Line], str]:
    order = ("time", "level", "event")
    if form is Format.JSON:
        dump = structlog.processors.JSONRenderer(ensure_ascii=False)
        return lambda logger, name, line: str(dump(logger, name, {key: line[key] for key in order} | dict(line)))
    if form is Format.LOGFMT:
        return structlog.processors.LogfmtRenderer(key_order=order, bool_as_flag=False)  # type: ignore[no-any-return]
    colours = _COLOURS if os.isatty(descriptor) and not os.environ.get("NO_COLOR") else {}
    return lambda _, __, line: _for_a_person(line, colours)


def _for_a_person(line: Line, colours: Mapping[str, str]) -> str:
    level = str(line["level"])
    clock = str(line["time"])[11:23]
    colour = colours.get(level, "")
    more = "".join(f" ({key} {line[key]})" for key in ("trace", "lines_lost") if key in line)
    return f"{clock} {colour}{level:<7}{colour and chr(27) + '[0m'} {line['msg']}{more}"
