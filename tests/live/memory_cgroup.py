"""A memory cgroup with a hard limit for the tests that let the kernel kill; without one they are skipped, loudly."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.cgroup_files import V1, V2, MemoryCgroup, remove


@contextmanager
def memory_cgroup() -> Iterator[MemoryCgroup]:
    version = 1 if os.path.isdir(V1) else 2
    directory = f"{V1 if version == 1 else V2}/brimwatch-test-{uuid.uuid4().hex[:8]}"
    try:
        os.mkdir(directory)
    except OSError as error:
        without(f"cannot make {directory}: {error}; root with a writable cgroup tree is needed")
    try:
        if not os.path.exists(f"{directory}/{'memory.max' if version == 2 else 'memory.limit_in_bytes'}"):
            without("no memory controller for children of the root cgroup")
        yield MemoryCgroup(directory, version)
    finally:
        remove(directory)


def without(reason: str) -> None:
    """Skip the test, or fail it where nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
