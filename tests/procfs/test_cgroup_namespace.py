"""Does a daemon in a cgroup namespace find its neighbours on the host's mount, as a DaemonSet has to?"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from brimwatch.procfs.cgroup_namespace import names_above

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
LOOK = """
import json, sys
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import read_cgroup
from brimwatch.procfs.cgroup_place import locate_memory, own_mounts
from brimwatch.procfs.stat import read_stat
pid = int(sys.argv[1])
process = ProcessId(pid, read_stat("/proc", pid).start_ticks)
place = locate_memory(read_cgroup("/proc", pid), own_mounts("/proc"), "/proc", process)
print(json.dumps([place.point + place.below, place.path, place.through, [one.path for one in place.ancestors()]]))
"""


def without(reason: str) -> None:
    if os.environ.get("CI") == "true" and os.getuid() == 0 and os.access(V1, os.W_OK):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def pods(tmp_path: Path):
    """Two cgroups in two pods, on the mount of the memory controller."""
    top = V1 if os.path.isdir(V1) else V2
    name = f"brimwatch-{os.getpid()}"
    made = [f"{top}/{name}", *(f"{top}/{name}/{pod}{box}" for pod in ("one", "two") for box in ("", "/box"))]
    try:
        for path in made:
            os.mkdir(path)
    except OSError as error:
        without(f"no cgroups can be made here (that takes root, and a mount to write to): {error}")
    yield top, name
    for path in reversed(made):
        os.rmdir(path)


@pytest.mark.live
def test_a_neighbour_in_another_pod_is_read_on_the_hosts_mount(pods, spawn, wait_until):
    top, name = pods
    neighbour = spawn(["sleep", "60"])
    Path(f"{top}/{name}/two/box/cgroup.procs").write_text(str(neighbour.pid))
    argv = [sys.executable, "-c", LOOK, str(neighbour.pid)]
    shell = f"echo $$ > {top}/{name}/one/box/cgroup.procs && exec unshare --cgroup --mount {shlex.join(argv)}"
    result = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=30)
    if "unshare" in result.stderr:
        without(f"unshare --cgroup is not allowed here: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    neighbour.kill()
    neighbour.wait()
    wait_until(lambda: not Path(f"{top}/{name}/two/box/cgroup.procs").read_text())

    directory, path, through, chain = json.loads(result.stdout)
    assert directory == f"{top}/{name}/two/box"
    assert through is None
    assert path.endswith(f"/{name}/two/box")
    assert chain[:3] == [path, path.removesuffix("/box"), path.removesuffix("/two/box")]
    assert chain[-1] == "/"


def hierarchy(folder: Path, *paths: str) -> str:
    for path in paths:
        (folder / path).mkdir(parents=True)
        (folder / path / "cgroup.procs").write_text("1\n")
    return str(folder)


def test_the_names_are_those_of_the_cgroup_that_holds_us(tmp_path: Path):
    point = hierarchy(tmp_path, "pods/one/box", "pods/two/box", "system")
    (tmp_path / "pods/two/box/cgroup.procs").write_text(f"7\n{os.getpid()}\n")
    assert names_above(point, 3, "/") == ("pods", "two", "box")


def test_a_daemon_below_the_top_of_its_namespace_is_looked_for_there(tmp_path: Path):
    point = hierarchy(tmp_path, "pods/one/sub", "pods/two/sub")
    (tmp_path / "pods/one/sub/cgroup.procs").write_text(f"{os.getpid()}\n")
    assert names_above(point, 2, "/sub") == ("pods", "one")


def test_without_the_hosts_pids_nothing_is_found_and_nothing_guessed(tmp_path: Path):
    assert names_above(hierarchy(tmp_path, "pods/one/box"), 3, "/") == ()
