import os
import socket

import pytest

from brimwatch.discover.agents import Agents
from brimwatch.model import ProcessId

ME = os.geteuid()


@pytest.fixture
def listen(tmp_path):
    """`listen("12.sock")` makes a socket in the run directory, last written at `mtime`."""
    opened = []

    def make(name, directory="run", mtime=1_700_000_000.0 + 5_000.0):
        (tmp_path / directory).mkdir(exist_ok=True)
        path = str(tmp_path / directory / name)
        opened.append(socket.socket(socket.AF_UNIX))
        opened[-1].bind(path)
        os.utime(path, (mtime, mtime))
        return path

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def agents(tmp_path, clock):
    return Agents((str(tmp_path / "run"), str(tmp_path / "more")), clock.births())


def test_sockets_of_all_directories_are_listed(agents, listen):
    listen("12.sock"), listen("34.sock", "more"), listen("12.sock", "more")
    assert {12, 34} == agents.list()


def test_without_directories_there_are_no_agents(agents):
    assert set() == agents.list()
    assert agents.denied == 0


@pytest.mark.parametrize(
    "name",
    [
        "12.sock.tmp",
        "12-.sock",
        "12-01.sock",
        "12-1-2.sock",
        ".12-34",
        "a12.sock",
        "012.sock",
        "0.sock",
        ".sock",
        "-1.sock",
        "12345678901.sock",
    ],
)
def test_other_names_are_none(agents, listen, name):
    listen(name)
    assert set() == agents.list()


def test_a_socket_of_the_same_user_speaks_for_the_process(agents, listen):
    listen("12.sock")
    agents.list()
    assert agents.speaks_for(ProcessId(12, 1000), ME)
    assert not agents.speaks_for(ProcessId(13, 1000), ME)


def test_a_name_with_a_start_time_speaks_for_that_process_alone(agents, listen):
    listen("12-1000.sock")
    assert {12} == agents.list()
    assert [agents.speaks_for(ProcessId(12, ticks), ME) for ticks in (1000, 1001)] == [True, False]


def test_a_file_is_no_socket(agents, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "12.sock").write_text("")
    assert {12} == agents.list()
    assert not agents.speaks_for(ProcessId(12, 1000), ME)


@pytest.mark.skipif(ME != 0, reason="giving a socket to somebody else needs root")
def test_a_socket_of_another_user_speaks_for_nobody_but_him(agents, listen):
    os.chown(listen("12.sock"), 65534, -1)
    agents.list()
    assert [agents.speaks_for(ProcessId(12, 1000), uid) for uid in (65534, 33)] == [True, False]


@pytest.mark.skipif(ME != 0, reason="making a socket of root's needs root")
def test_a_socket_of_root_speaks_for_anyone(agents, listen):
    listen("12.sock")
    agents.list()
    assert agents.speaks_for(ProcessId(12, 1000), 65534)


def test_a_socket_that_a_killed_process_left_is_not_the_next_ones(agents, listen):
    listen("12.sock")
    agents.list()
    assert not agents.speaks_for(ProcessId(12, 5_100 * 100), ME)


def test_a_socket_that_was_made_anew_is_looked_at_anew(agents, listen):
    path = listen("12.sock")
    agents.list()
    assert not agents.speaks_for(ProcessId(12, 5_100 * 100), ME)
    os.unlink(path)
    listen("13.sock")
    listen("12.sock", mtime=1_700_000_000.0 + 9_000.0)
    agents.list()
    assert agents.speaks_for(ProcessId(12, 5_100 * 100), ME)
