import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.cgroup import CgroupPaths, parse_cgroup, read_cgroup

V1 = b"""11:hugetlb:/
10:devices:/user.slice
9:pids:/user.slice/user-1000.slice
5:memory:/user.slice
4:cpu,cpuacct:/user.slice
1:name=systemd:/user.slice/user-1000.slice/session-2.scope
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            b"0::/system.slice/cron.service\n",
            CgroupPaths("/system.slice/cron.service", None, None, ("/system.slice/cron.service",)),
            id="version 2 alone",
        ),
        pytest.param(
            V1,
            CgroupPaths(
                None,
                "/user.slice",
                "/user.slice/user-1000.slice/session-2.scope",
                ("/", "/user.slice", "/user.slice/user-1000.slice", "/user.slice/user-1000.slice/session-2.scope"),
            ),
            id="version 1, each path once",
        ),
        pytest.param(
            b"5:cpu,memory:/a\n1:name=systemd:/b\n0::/c\n",
            CgroupPaths("/c", "/a", "/b", ("/a", "/b", "/c")),
            id="hybrid, memory mounted together with another controller",
        ),
        pytest.param(
            b"3:memory_recursiveprot,x:/a\n",
            CgroupPaths(None, None, None, ("/a",)),
            id="a controller whose name only begins with memory is another one",
        ),
        pytest.param(
            b"0::/kubepods-pod1.slice:cri-containerd:05c4\n",
            CgroupPaths(
                "/kubepods-pod1.slice:cri-containerd:05c4", None, None, ("/kubepods-pod1.slice:cri-containerd:05c4",)
            ),
            id="a path with colons",
        ),
        pytest.param(
            b"0::/gone.service (deleted)\n",
            CgroupPaths("/gone.service", None, None, ("/gone.service",)),
            id="a cgroup that was removed keeps its name",
        ),
        pytest.param(
            b"0::/../../outside\n",
            CgroupPaths("/../../outside", None, None, ("/../../outside",)),
            id="a path that leads out of a cgroup namespace",
        ),
        pytest.param(
            b"0::/\xff\n",
            CgroupPaths("/\\xff", None, None, ("/\\xff",)),
            id="a path that is no UTF-8 can still be encoded",
        ),
        pytest.param(b"", CgroupPaths(), id="a kernel without hierarchies"),
    ],
)
def test_each_hierarchy_finds_its_place(text, expected):
    assert expected == parse_cgroup(text)


@pytest.mark.parametrize("text", [b"11:hugetlb\n", b"x:memory:/\n", b"0\n", b":::\n"])
def test_what_is_no_cgroup_file_is_refused(text):
    with pytest.raises(MalformedProcFile, match="wanted hierarchy-ID:controllers:path"):
        parse_cgroup(text)


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(text):
    message = ""
    try:
        for path in parse_cgroup(text).paths:
            path.encode()
    except MalformedProcFile as refusal:
        message = str(refusal)
    assert len(message) < 1000


@pytest.mark.live
def test_our_own_cgroups_are_read():
    paths = read_cgroup("/proc", os.getpid())
    assert all(path.startswith("/") for path in paths.paths)
    assert paths.paths


def test_a_process_that_is_gone_is_a_lookup_error(tmp_path):
    with pytest.raises(ProcessLookupError):
        read_cgroup(str(tmp_path), 4242)
