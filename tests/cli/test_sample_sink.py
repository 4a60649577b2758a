"""Does a recording always end with a whole line, whatever becomes of its disk?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brimwatch.cli.sample_sink import Sink
from brimwatch.errors import BrimwatchError, UsageError

LINE = b'{"row":"beat"}\n'


def test_pieces_of_lines_are_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "run"
    sink = Sink(str(path), False, 1000)
    sink.write(LINE + LINE[:5])
    assert path.read_bytes() == LINE
    sink.write(LINE[5:] + b"rest")
    sink.end(b"end\n")
    assert path.read_bytes() == LINE + LINE + b"end\n"
    assert (sink.rows, sink.size) == (3, 2 * len(LINE) + 4)


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "run"
    Sink(str(path), False, 1000).end(LINE)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_old_file_is_not_written_over_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("old")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="--force writes over it"):
        Sink(str(path), False, 1000)
    sink = Sink(str(path), True, 1000)
    sink.write(LINE)
    sink.end(b"")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (LINE, 0o600)


@pytest.mark.parametrize("force", [False, True])
def test_a_symbolic_link_is_never_followed(tmp_path: Path, force: bool) -> None:
    (tmp_path / "passwd").write_text("precious")
    (tmp_path / "run").symlink_to(tmp_path / "passwd")
    with pytest.raises(UsageError):
        Sink(str(tmp_path / "run"), force, 1000)
    assert (tmp_path / "passwd").read_text() == "precious"


@pytest.mark.parametrize("path", ["/nonexistent/run", "/"])
def test_a_file_that_cannot_be_made_is_bad_usage(path: str) -> None:
    with pytest.raises(UsageError, match=r"wanted a file that can be made|is there already"):
        Sink(path, False, 1000)


def test_the_largest_size_ends_it_at_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "run"
    sink = Sink(str(path), False, 100)
    assert sink.write(LINE * 3)
    assert not sink.write(LINE * 30)
    assert path.read_bytes() == LINE * (100 // len(LINE))


def test_lost_rows_are_counted(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "run"), False, 1000)
    sink.write(b'{"row":"lost","rows":7}\n{"row":"look","x":"{\\"row\\":\\"lost\\",\\"rows\\":9}"}\n')
    sink.write(b'{"row":"lost","rows":5}\n')
    assert sink.lost == 12


SMALL_DISK = """
import resource, signal, sys
from brimwatch.cli.sample_sink import Sink
from brimwatch.errors import BrimwatchError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))  # what a full disk does to a write, in a process of its own
sink = Sink(sys.argv[1], False, 1000)
sink.write(sys.argv[2].encode() + b"\\n")
try:
    sink.write(4 * (sys.argv[2].encode() + b"\\n"))
except BrimwatchError as error:
    print(error)
"""


def test_a_disk_without_room_is_said_and_what_was_written_ends_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "run"
    words = [sys.executable, "-c", SMALL_DISK, str(path), LINE.decode().strip()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert "after 1 rows; what was written before stays good" in done.stdout
    assert path.read_bytes() == LINE


def test_a_pipe_that_nobody_reads_is_said(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = Sink(str(path), True, 10**9)
    os.close(reader)
    with pytest.raises(BrimwatchError, match="nobody reads any more"):
        sink.write(LINE)


def test_a_new_file_in_which_nothing_was_written_does_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "run"
    Sink(str(path), False, 1000).abandon()
    assert not path.exists()


def test_an_old_file_stays_whatever_happens(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("old")
    Sink(str(path), True, 1000).abandon()
    assert path.exists()


def test_after_the_end_nothing_is_written(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "run"), False, 1000)
    sink.end(LINE)
    sink.end(LINE)
    assert not sink.write(LINE)
    assert (tmp_path / "run").read_bytes() == LINE
