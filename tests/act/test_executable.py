import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.act.executable import marks_of


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def elf(
    names: list[bytes], contents: dict[bytes, bytes], bits: int = 64, big: bool = False, note: bytes = b""
) -> bytes:
    """A minimal ELF image with these sections, and one PT_NOTE segment."""
    order, wide = (">" if big else "<"), bits == 64
    header_size, section_size, segment_size = (64, 64, 56) if wide else (52, 40, 32)
    text = b"\0" + b"".join(name + b"\0" for name in [*names, b".shstrtab"])
    bodies = [contents.get(name, b"") for name in names] + [text]
    places, body = [], b""
    for content in bodies:
        places.append((header_size + segment_size + len(note) + len(body), len(content)))
        body += content
    sections_at = header_size + segment_size + len(note) + len(body)
    word = "Q" if wide else "I"
    header = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1]) + bytes(9)
    header += struct.pack(
        order + f"HHI{word}{word}{word}IHHHHHH",
        2,
        62,
        1,
        0,
        header_size,
        sections_at,
        0,
        header_size,
        segment_size,
        1,
        section_size,
        len(names) + 2,
        len(names) + 1,
    )
    at = header_size + segment_size
    if wide:
        segment = struct.pack(order + "IIQQQQQQ", 4, 4, at, 0, 0, len(note), len(note), 4)
    else:
        segment = struct.pack(order + "IIIIIIII", 4, at, 0, 0, len(note), len(note), 4, 4)
    rows = struct.pack(order + f"II{word}{word}{word}{word}", 0, 0, 0, 0, 0, 0).ljust(section_size, b"\0")
    for name, (offset, size) in zip([*names, b".shstrtab"], places, strict=True):
        row = struct.pack(
            order + f"II{word}{word}{word}{word}", text.index(b"\0" + name + b"\0") + 1, 3, 0, 0, offset, size
        )
        rows += row.ljust(section_size, b"\0")
    return header + segment + note + body + rows


def marks(tmp_path: Path, content: bytes) -> frozenset[str]:
    path = tmp_path / "program"
    path.write_bytes(content)
    with opened(path) as descriptor:
        return marks_of(descriptor)


NODE = {b".dynstr": b"\0uv_run\0node_module_register\0v8\0"}
GO_NOTE = struct.pack("<III", 4, 20, 4) + b"Go\0\0" + bytes(20)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big", [False, True])
def test_what_sections_say(tmp_path: Path, bits: int, big: bool) -> None:
    assert marks(tmp_path, elf([b".text"], {}, bits, big)) == frozenset()
    assert marks(tmp_path, elf([b".text", b".go.buildinfo"], {}, bits, big)) == {"go"}
    assert marks(tmp_path, elf([b".dynstr"], NODE, bits, big)) == {"node"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(elf([b".text"], {}, note=GO_NOTE), {"go"}, id="a Go program without section names keeps its note"),
        pytest.param(elf([b".text"], {}, note=GO_NOTE.replace(b"Go", b"GN")), set(), id="another note says nothing"),
        pytest.param(elf([b".debug"], {b".debug": NODE[b".dynstr"]}), set(), id="the symbol elsewhere says nothing"),
        pytest.param(
            elf([b".dynstr"], {b".dynstr": b"\0xnode_module_register\0"}), set(), id="a part of a symbol is another"
        ),
        pytest.param(
            elf([b".dynstr"], {b".dynstr": bytes(262134) + b"\0node_module_register\0"}),
            {"node"},
            id="across two reads",
        ),
        pytest.param(b"#!/bin/sh\n" + bytes(80), set(), id="a script is no image"),
        pytest.param(b"", set(), id="an empty file is none"),
        pytest.param(b"\x7fELF" + bytes(60), set(), id="an image of no class is none"),
        pytest.param(elf([b".go.buildinfo"], {})[:80], set(), id="a cut file is none"),
    ],
)
def test_images(tmp_path: Path, content: bytes, expected: set[str]) -> None:
    assert marks(tmp_path, content) == expected


def test_this_python_is_neither() -> None:
    with opened(sys.executable) as descriptor:
        assert marks_of(descriptor) == frozenset()


@settings(max_examples=300, deadline=None)
@given(
    patches=st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=12), big=st.booleans()
)
def test_a_hostile_image_is_read_without_harm(
    tmp_path_factory: pytest.TempPathFactory, patches: list[tuple[int, bytes]], big: bool
) -> None:
    content = bytearray(elf([b".text", b".dynstr", b".go.buildinfo"], NODE, big=big, note=GO_NOTE))
    for at, piece in patches:
        content[at : at + len(piece)] = piece
    path = tmp_path_factory.getbasetemp() / "hostile"
    path.write_bytes(bytes(content))
    with opened(path) as descriptor:
        assert marks_of(descriptor) <= {"go", "node"}
