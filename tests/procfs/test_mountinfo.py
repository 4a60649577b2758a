import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.mountinfo import CgroupMount, parse_mountinfo

HYBRID = rb"""31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


def test_hybrid_machine():
    assert parse_mountinfo(HYBRID) == (
        CgroupMount(1, "/sys/fs/cgroup/memory", "/"),
        CgroupMount(2, "/sys/fs/cgroup/unified", "/"),
    )


def test_unified_machine_with_no_optional_field():
    text = b"30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
    assert parse_mountinfo(text) == (CgroupMount(2, "/sys/fs/cgroup", "/"),)


def test_controllers_that_share_a_hierarchy():
    text = b"30 23 0:26 / /cg/cpu,memory rw - cgroup cgroup rw,cpu,memory\n"
    assert parse_mountinfo(text) == (CgroupMount(1, "/cg/cpu,memory", "/"),)


def test_a_bound_container_and_an_escaped_space():
    text = rb"30 23 0:26 /docker/0af /mnt/my\040cgroup rw master:1 propagate_from:2 - cgroup cgroup rw,memory" + b"\n"
    assert parse_mountinfo(text) == (CgroupMount(1, "/mnt/my cgroup", "/docker/0af"),)


def test_a_carriage_return_in_a_path_ends_no_line():
    text = b"30 23 0:26 / /mnt/a\rb rw - cgroup2 cgroup2 rw\n"
    assert parse_mountinfo(text) == (CgroupMount(2, "/mnt/a\rb", "/"),)


def test_other_mounts_are_passed_over_unread():
    assert parse_mountinfo(b"1 - ext4 /dev/sda rw\n") == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"30 23 0:26 / /sys/fs/cgroup rw cgroup2 rw\n", id="no dash"),
        pytest.param(b"30 / /cgroup - cgroup2 cgroup2 rw\n", id="too few fields"),
    ],
)
def test_malformed(text: bytes):
    with pytest.raises(MalformedProcFile, match="mountinfo: found"):
        parse_mountinfo(text)


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        pytest.param("/", "/", "", id="the root cgroup is the mount point itself"),
        pytest.param("/", "/a/b", "/a/b", id="the host sees every path"),
        pytest.param("/docker/1", "/docker/1", "", id="a bound container sees itself at the top"),
        pytest.param("/docker/1", "/docker/1/sub", "/sub", id="and its children below"),
        pytest.param("/docker/1", "/docker/12", None, id="a neighbour whose name begins alike is not seen"),
        pytest.param("/", "/../other", None, id="a neighbour outside our cgroup namespace is not seen"),
        pytest.param("/../other", "/../other", "", id="the neighbour's own mount shows it"),
        pytest.param("/../..", "/../../pods/x", "/pods/x", id="a host mount seen from a namespace of our own"),
        pytest.param("/../..", "/../../../x", None, id="above that mount"),
        pytest.param("/", "/a/../b", None, id="a path that climbs"),
    ],
)
def test_where_a_path_is_below_a_mount(root: str, path: str, below: str | None):
    assert CgroupMount(2, "/cg", root).below(path) == below


@pytest.mark.parametrize(
    ("path", "below"),
    [
        pytest.param("/", "/pods/one/box", id="our own cgroup is where our names lead"),
        pytest.param("/sub", "/pods/one/box/sub", id="what is below us is below that"),
        pytest.param("/../twin", "/pods/one/twin", id="a container of our own pod shares all but its name with us"),
        pytest.param("/../../two/box", "/pods/two/box", id="another pod is named from where its way leaves ours"),
        pytest.param("/../../../system/a", "/system/a", id="a service is named from the top"),
        pytest.param("/../../..", "", id="the top is the mount point"),
        pytest.param("/../../../../x", None, id="above the mount nothing is seen"),
        pytest.param("/../two/../x", None, id="a path that climbs later on"),
    ],
)
def test_where_a_path_is_below_the_hosts_mount_seen_from_a_namespace(path: str, below: str | None):
    assert CgroupMount(2, "/cg", "/../../..", ("pods", "one", "box")).below(path) == below
