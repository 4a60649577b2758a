"""Does the log tell events in its three forms, and never stop the daemon?"""

import json
import logging
import os
import pty
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.record.pictures import WALL

from brimwatch.record.catalogue import Level, Name
from brimwatch.record.events import Event, EventLog, Fact, Recorded
from brimwatch.record.log import LONGEST_LINE, Format, Log

OOM = Event(Name.OOM_KILLED, WALL, "web", 3, {"evidence": "cgroup", "count": 1, "ratio": 0.1 + 0.2, "big": 2.0})
HOSTILE = Event(Name.TARGET_LOST, WALL, 'x\n\x1b[31m" y=1\udc80', None, {"reason": 'a\r\n" level=error \x1b]0;t\x07'})
TEXT = st.text(st.characters(exclude_categories=()), max_size=600)
FACTS = st.dictionaries(
    st.sampled_from(["detail", "reason", "source", "comm", "rss_bytes"]), TEXT | st.floats() | st.integers()
)


class Pipe:
    """A pipe that a test reads from."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def read(self) -> str:
        data = b""
        while True:
            try:
                chunk = os.read(self.reader, 1 << 16)
            except BlockingIOError:
                return data.decode()
            if not chunk:
                return data.decode()
            data += chunk


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for end in (pipe.reader, pipe.writer):
        try:
            os.close(end)
        except OSError:
            continue


def fill(pipe: Pipe) -> None:
    """Leave the pipe full and blocking: from here a write would hang."""
    os.set_blocking(pipe.writer, False)
    try:
        while os.write(pipe.writer, b"x" * 4096):
            continue
    except BlockingIOError:
        os.set_blocking(pipe.writer, True)


def write(pipe: Pipe, form: Format, *events: Event, level: Level = Level.INFO) -> str:
    log = Log(form, level, pipe.writer)
    kept = EventLog()
    kept.subscribe(log.write)
    for event in events:
        kept.add(event)
    return pipe.read()


def test_logfmt(pipe: Pipe) -> None:
    assert write(pipe, Format.LOGFMT, OOM) == (
        "time=2025-10-09T08:53:20.000Z level=error event=oom_killed target=web member=3 evidence=cgroup count=1"
        ' ratio=0.3 big=2 msg="web#3: the kernel killed a process for lack of memory; evidence: cgroup"\n'
    )


def test_json(pipe: Pipe) -> None:
    text = write(pipe, Format.JSON, OOM)

    assert text.startswith('{"time": "2025-10-09T08:53:20.000Z", "level": "error", "event": "oom_killed", ')
    assert json.loads(text) == {
        "time": "2025-10-09T08:53:20.000Z",
        "level": "error",
        "event": "oom_killed",
        "target": "web",
        "member": 3,
        "evidence": "cgroup",
        "count": 1,
        "ratio": 0.3,
        "big": 2,
        "msg": "web#3: the kernel killed a process for lack of memory; evidence: cgroup",
    }


def test_console_into_a_pipe_has_no_colours(pipe: Pipe) -> None:
    assert write(pipe, Format.CONSOLE, OOM) == (
        "08:53:20.000 error   web#3: the kernel killed a process for lack of memory; evidence: cgroup\n"
    )


@pytest.mark.parametrize(
    ("setting", "coloured"), [(None, True), ("1", False)], ids=["a terminal", "a terminal with NO_COLOR"]
)
def test_console_on_a_terminal(setting: str | None, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if setting is not None:
        monkeypatch.setenv("NO_COLOR", setting)
    controller, terminal = pty.openpty()
    try:
        Log(Format.CONSOLE, Level.INFO, terminal).write(Recorded(1, OOM))
        text = os.read(controller, 4096)
    finally:
        os.close(controller)
        os.close(terminal)

    assert (b"\x1b[31merror  \x1b[0m" in text) == coloured


@pytest.mark.parametrize("form", Format)
def test_hostile_text_stays_in_its_line(pipe: Pipe, form: Format) -> None:
    text = write(pipe, form, HOSTILE)

    assert text.count("\n") == 1
    assert text[:-1].isprintable()


def test_hostile_text_stays_in_its_value(pipe: Pipe) -> None:
    line = write(pipe, Format.LOGFMT, HOSTILE).rstrip("\n")
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)', line)

    assert [key for key, _ in pairs] == ["time", "level", "event", "target", "reason", "msg"]
    assert " ".join(f"{key}={value}" for key, value in pairs) == line
    assert json.loads(write(pipe, Format.JSON, HOSTILE))["target"] == r'x\n\x1b[31m" y=1\udc80'


@given(st.sampled_from(list(Format)), st.sampled_from(list(Name)), st.none() | TEXT, FACTS)
def test_any_event_is_one_whole_line_that_a_pipe_takes_at_once(
    form: Format, name: Name, target: str | None, facts: "dict[str, Fact]"
) -> None:
    pipe = Pipe()
    try:
        text = write(pipe, form, Event(name, WALL, target, 1, facts), level=Level.DEBUG)
    finally:
        os.close(pipe.reader)
        os.close(pipe.writer)

    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert len(text.encode()) < LONGEST_LINE
    if form is Format.JSON:
        assert json.loads(text)["event"] == name.value


@pytest.mark.parametrize(
    ("level", "lines"),
    [(Level.DEBUG, 3), (Level.INFO, 2), (Level.WARNING, 1), (Level.ERROR, 1)],
    ids=["debug shows all", "info", "warning", "error"],
)
def test_quieter_events_are_left_out(pipe: Pipe, level: Level, lines: int) -> None:
    events = (Event(Name.MEMBER_FOUND, WALL, "web"), Event(Name.WATCH_RESUMED, WALL), OOM)

    assert write(pipe, Format.LOGFMT, *events, level=level).count("\n") == lines


def test_a_full_pipe_loses_lines_and_says_so_when_it_is_read_again(pipe: Pipe) -> None:
    fill(pipe)
    log = Log(Format.LOGFMT, Level.INFO, pipe.writer)

    for _ in range(3):
        log.write(Recorded(1, OOM))
    pipe.read()
    log.write(Recorded(1, OOM))
    log.write(Recorded(1, OOM))
    first, second = pipe.read().splitlines()

    assert " lines_lost=3 " in first
    assert "lines_lost" not in second


def test_a_broken_pipe_is_no_error(pipe: Pipe) -> None:
    os.close(pipe.reader)

    Log(Format.LOGFMT, Level.INFO, pipe.writer).write(Recorded(1, OOM))


def test_a_full_disk_is_no_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        Log(Format.LOGFMT, Level.INFO, full).write(Recorded(1, OOM))
    finally:
        os.close(full)


def test_a_closed_descriptor_is_no_error(pipe: Pipe) -> None:
    log = Log(Format.LOGFMT, Level.INFO, pipe.writer)
    os.close(pipe.writer)

    log.write(Recorded(1, OOM))


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    logger = logging.getLogger("some.library")
    logger.propagate = False
    yield logger
    logger.handlers.clear()


def test_what_libraries_say_is_one_line_with_its_traceback(pipe: Pipe, library: logging.Logger) -> None:
    log = Log(Format.JSON, Level.INFO, pipe.writer, clock=lambda: WALL)
    handler = log.listen()
    logging.getLogger().removeHandler(handler)
    library.addHandler(handler)

    try:
        raise ValueError("broken\n\x1b[1m")
    except ValueError:
        library.exception("it %s\n", "failed")
    line = json.loads(pipe.read())

    assert (line["event"], line["level"], line["source"], line["msg"]) == (
        "library_said",
        "error",
        "some.library",
        "it failed",
    )
    assert re.search(r"ValueError: broken\\n\\x1b\[1m", line["trace"])


def test_what_libraries_say_is_bounded_by_the_minute(pipe: Pipe, library: logging.Logger) -> None:
    now = [WALL]
    log = Log(Format.JSON, Level.INFO, pipe.writer, clock=lambda: now[0])
    handler = log.listen()
    logging.getLogger().removeHandler(handler)
    library.addHandler(handler)

    for _ in range(50):
        library.warning("noise")
    said = [json.loads(line)["msg"] for line in pipe.read().splitlines()]
    now[0] += 60
    library.warning("noise")

    assert said == ["noise"] * 19 + ["noise (no more such lines this minute)"]
    assert pipe.read().count("noise") == 1
