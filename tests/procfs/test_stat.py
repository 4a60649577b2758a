import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.stat import Stat, parse_stat, read_stat

REST = (
    b" S 1 4242 4242 0 -1 4194560 1523 0 3 0 71 29 0 0 20 0 5 0 123456 248721408 7811 18446744073709551615 "
    b"94331845640192 94331845644605 140731938811200 0 0 0 0 16781312 17642 0 0 0 17 3 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)


def line(comm: bytes) -> bytes:
    return b"4242 (" + comm + b")" + REST


def test_an_exit_that_began_shows_in_the_flags():
    running, exiting = parse_stat(line(b"sh")), parse_stat(line(b"sh").replace(b" 4194560 ", b" 4194564 "))
    assert (running.is_exiting, exiting.is_exiting) == (False, True)


def test_every_field_stands_where_proc_pid_stat_puts_it():
    expected = Stat(
        pid=4242,
        comm="gunicorn",
        state="S",
        ppid=1,
        start_ticks=123456,
        utime_ticks=71,
        stime_ticks=29,
        threads=5,
        vsize=248721408,
        rss_pages=7811,
        start_code=94331845640192,
        start_stack=140731938811200,
        flags=4194560,
    )
    assert expected == parse_stat(line(b"gunicorn"))


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        pytest.param(b"foo) Z ", "foo) Z ", id="a name that ends like the field does"),
        pytest.param(b") Z 0 (", ") Z 0 (", id="a name that looks like another process"),
        pytest.param(b"((((", "((((", id="a name of opening parentheses"),
        pytest.param(b"))))", "))))", id="a name of closing parentheses"),
        pytest.param(b"a\nb\r\t", "a\nb\r\t", id="a name with newlines"),
        pytest.param(b"", "", id="an empty name"),
        pytest.param(b"\xff\xfe\x80", "\\xff\\xfe\\x80", id="a name that is no UTF-8 can still be encoded"),
        pytest.param("größe".encode(), "größe", id="a name in UTF-8"),
        pytest.param("größe".encode()[:3], "gr\\xc3", id="a name that the kernel cut inside a character"),
    ],
)
def test_a_hostile_name_moves_no_other_field(comm, shown):
    assert parse_stat(line(b"gunicorn"))._replace(comm=shown) == parse_stat(line(comm))


@given(st.binary(max_size=64))
def test_no_name_whatsoever_moves_another_field(comm):
    parsed = parse_stat(line(comm))
    assert parse_stat(line(b""))[2:] == parsed[2:]
    parsed.comm.encode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="an empty file"),
        pytest.param(b"4242 (x", id="a line that ends in the name"),
        pytest.param(b"4242 (x) S 1 2 3\n", id="too few fields"),
        pytest.param(b"4242 x" + REST, id="no parentheses"),
        pytest.param(b"x (x)" + REST, id="a PID that is no number"),
        pytest.param(b"4242 )x(" + REST, id="parentheses the wrong way round"),
        pytest.param(line(b"x").replace(b"123456", b"now"), id="a start time that is no number"),
        pytest.param(line(b"x").replace(b" S ", b" \xff "), id="a state that is no letter"),
    ],
)
def test_what_is_no_stat_line_is_refused(text):
    with pytest.raises(MalformedProcFile, match="wanted the fields of proc_pid_stat"):
        parse_stat(text)


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(text):
    message = ""
    try:
        parse_stat(text)
    except MalformedProcFile as refusal:
        message = str(refusal)
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("state", "threads", "dead"),
    [
        pytest.param("Z", 1, True, id="a zombie is dead"),
        pytest.param("X", 1, True, id="so is one that is being buried"),
        pytest.param("Z", 2, False, id="a leader that has ended while its threads live is not"),
        pytest.param("S", 1, False, id="a sleeper is not"),
    ],
)
def test_death(state, threads, dead):
    assert dead == parse_stat(line(b"x"))._replace(state=state, threads=threads).is_dead


def test_a_thread_of_the_kernel_is_known_by_its_flag_not_by_its_parent():
    user = parse_stat(line(b"x"))._replace(ppid=2)
    assert not user.is_kernel_thread
    assert user._replace(flags=0x208040).is_kernel_thread


@pytest.mark.live
def test_our_own_line_is_read():
    stat = read_stat("/proc", os.getpid())
    assert (os.getpid(), os.getppid()) == (stat.pid, stat.ppid)
    assert stat.threads >= 1
    assert stat.start_stack > 0


@pytest.mark.live
def test_an_exec_keeps_the_start_time_and_moves_the_stack(spawn, wait_until):
    script = (
        "import os, sys; sys.stdin.readline(); os.execv(sys.executable, [sys.executable, '-c', 'input()', 'x' * 99])"
    )
    child = spawn([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True)
    before = read_stat("/proc", child.pid)
    child.stdin.write("\n")
    child.stdin.flush()
    after = wait_until(lambda: (now := read_stat("/proc", child.pid)).start_stack != before.start_stack and now)
    assert before.start_ticks == after.start_ticks


def test_a_process_that_is_gone_is_a_lookup_error(tmp_path):
    with pytest.raises(ProcessLookupError):
        read_stat(str(tmp_path), 4242)
