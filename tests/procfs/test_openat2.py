import errno
import os

import pytest

from brimwatch.procfs.openat2 import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
    filesystem_type,
    openat2,
)

PROC = 0x9FA0  # PROC_SUPER_MAGIC


@pytest.fixture
def root(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (tmp_path / "in" / "link").symlink_to("file")
    (tmp_path / "in" / "absolute").symlink_to("/file")
    descriptor = os.open(tmp_path / "in", os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def text_of(descriptor: int) -> str:
    with os.fdopen(descriptor) as stream:
        return stream.read()


def test_a_root_is_the_top_of_everything(root):
    assert text_of(openat2(root, "/file", os.O_RDONLY, RESOLVE_IN_ROOT)) == "inside"
    assert text_of(openat2(root, "../../file", os.O_RDONLY, RESOLVE_IN_ROOT)) == "inside"
    assert text_of(openat2(root, "absolute", os.O_RDONLY, RESOLVE_IN_ROOT)) == "inside"


@pytest.mark.parametrize(
    ("path", "resolve", "number"),
    [
        pytest.param("link", RESOLVE_NO_SYMLINKS, errno.ELOOP, id="a link where none may be"),
        pytest.param("../secret", RESOLVE_BENEATH, errno.EXDEV, id="a way out"),
        pytest.param("/file", RESOLVE_BENEATH, errno.EXDEV, id="an absolute path"),
        pytest.param("nothing", RESOLVE_IN_ROOT, errno.ENOENT, id="a file that is not there"),
        pytest.param("fi\0le", RESOLVE_IN_ROOT, errno.EINVAL, id="a path that the C library would cut"),
    ],
)
def test_refused(root, path: str, resolve: int, number: int):
    with pytest.raises(OSError, match="Errno") as caught:
        openat2(root, path, os.O_RDONLY, resolve)
    assert caught.value.errno == number


def test_another_file_system_is_another_device():
    top = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        with pytest.raises(OSError, match="Errno") as caught:
            openat2(top, "proc/self", os.O_PATH, RESOLVE_NO_XDEV)
        assert caught.value.errno == errno.EXDEV
    finally:
        os.close(top)


def test_descriptors_do_not_pass_to_children(root):
    descriptor = openat2(root, "file", os.O_RDONLY, RESOLVE_BENEATH)
    assert os.get_inheritable(descriptor) is False
    os.close(descriptor)


def test_the_type_of_a_file_system():
    descriptor = os.open("/proc", os.O_PATH)
    assert filesystem_type(descriptor) == PROC
    os.close(descriptor)


def test_no_descriptor_has_no_type():
    with pytest.raises(OSError, match="Bad file descriptor"):
        filesystem_type(-1)
