import json
from typing import Any

import pytest

from brimwatch.act.undo import CgroupChange, LimitChange, Undo
from brimwatch.act.undo_record import from_text, to_text
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup_place import Place
from brimwatch.units import Bytes

PLACE = Place(2, "/sys/fs/cgroup", "/app", "/app")
BRAKED = CgroupChange(PLACE, 26, 4711, Bytes(300), None)
CEILED = LimitChange(ProcessId(42, 4242), Bytes(12345), Bytes(99999))


def undo(change: Any) -> Undo:
    return Undo("brake", "shop", 1000.5, 1010.5, "b00t", change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(BRAKED, id="a brake"),
        pytest.param(
            BRAKED.__class__(PLACE._replace(through=ProcessId(7, 70)), 1, 2, Bytes(3), Bytes(4)), id="through"
        ),
        pytest.param(CEILED, id="a ceiling"),
    ],
)
def test_what_is_written_is_read_back_as_it_was(change: Any) -> None:
    assert from_text(to_text(undo(change))) == undo(change)


def changed(change: Any, **facts: Any) -> bytes:
    """A record with other facts; a key `cgroup__below` is within `cgroup`."""
    record = json.loads(to_text(undo(change)))
    for key, value in facts.items():
        outer, _, inner = key.partition("__")
        if inner:
            record[outer][inner] = value
        else:
            record[outer] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(b"", "wanted a JSON object", id="an empty file"),
        pytest.param(b"\0" * 100, "wanted a JSON object", id="zeros"),
        pytest.param(b"[" * 9000, "wanted a JSON object", id="too deep"),
        pytest.param(b"[]", "wanted a record of version 1", id="a list"),
        pytest.param(changed(BRAKED, version=2), "wanted a record of version 1", id="another version"),
        pytest.param(changed(BRAKED, action=5), "action: found 5", id="an action that is no text"),
        pytest.param(changed(BRAKED, target="x" * 999), "target: found", id="a target without end"),
        pytest.param(changed(BRAKED, made="now"), "made: found 'now'", id="a time that is none"),
        pytest.param(changed(BRAKED, made=float("nan")), "made: found nan", id="a time that is no number"),
        pytest.param(changed(BRAKED, rlimit={}), "wanted one of cgroup and rlimit", id="both"),
        pytest.param(changed(BRAKED, cgroup=None), "wanted one of cgroup and rlimit", id="neither"),
        pytest.param(changed(BRAKED, cgroup__below="/../../etc"), "wanted a path below the mount", id="a way up"),
        pytest.param(changed(BRAKED, cgroup__below="app"), "wanted a path below the mount", id="a relative way"),
        pytest.param(
            changed(BRAKED, cgroup__point="/sys/../etc"), "wanted an absolute path", id="a mount with a way up"
        ),
        pytest.param(changed(BRAKED, cgroup__point="sys"), "wanted an absolute path", id="a relative mount"),
        pytest.param(changed(BRAKED, cgroup__path="/a\0b"), "path: found", id="a NUL in a path"),
        pytest.param(changed(BRAKED, cgroup__before=-1), "before: found -1", id="a negative limit"),
        pytest.param(changed(BRAKED, cgroup__before="max"), "before: found 'max'", id="a limit that is a word"),
        pytest.param(changed(BRAKED, cgroup__ours=True), "ours: found True", id="a limit that is a flag"),
        pytest.param(changed(BRAKED, cgroup__inode=1 << 70), "inode: found", id="a number that no inode has"),
        pytest.param(changed(BRAKED, cgroup__through=[1]), "wanted a PID and its start time", id="half a process"),
        pytest.param(changed(CEILED, rlimit__process=[0, 5]), "wanted a PID", id="PID 0, which would be ourselves"),
        pytest.param(changed(CEILED, rlimit__process=[-1, 5]), "found -1", id="a negative PID"),
        pytest.param(changed(CEILED, rlimit__process=[None, 5]), "found -1", id="no PID"),
    ],
)
def test_what_is_not_believed(text: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match="found") as raised:
        from_text(text)
    assert fault in str(raised.value)


def test_a_record_without_what_was_before_is_not_believed() -> None:
    record = json.loads(to_text(undo(BRAKED)))
    del record["cgroup"]["before"]
    with pytest.raises(ValueError, match="before: found nothing"):
        from_text(json.dumps(record).encode())
