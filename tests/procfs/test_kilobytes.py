import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.kilobytes import need_kilobytes, parse_kilobytes


def test_kilobytes_are_1024_bytes():
    assert parse_kilobytes({b"Rss": b"   3 kB"}, b"Rss", "smaps") == 3072


def test_a_line_that_is_not_there_is_no_zero():
    assert parse_kilobytes({}, b"Rss", "smaps") is None


def test_a_line_that_must_be_there():
    with pytest.raises(MalformedProcFile, match="smaps: found no line Rss"):
        need_kilobytes({}, b"Rss", "smaps")


@pytest.mark.parametrize("text", [b"", b"3", b"3 MB", b"-3 kB", b"0x3 kB", b"3 kB 4 kB", "٣ kB".encode()])
def test_malformed(text: bytes):
    with pytest.raises(MalformedProcFile, match="smaps: Rss: found"):
        parse_kilobytes({b"Rss": text}, b"Rss", "smaps")
