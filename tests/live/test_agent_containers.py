"""Is an agent found and asked that sees other files than the daemon: in a container, behind another root?"""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.act.processes import identity
from tests.live.daemon_run import start_daemon
from tests.live.hooked import PROGRAM, start_hooked

from brimwatch.agent.dial import Ground, dial
from brimwatch.agent.fault import AgentFault
from brimwatch.agent.peer import look_up
from brimwatch.hooks.wire import socket_name
from brimwatch.model import Reason

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms, run_dir: {run_dir}}}
targets: [{{name: app, match: {{agent: true, cmdline: ' {mark}$', not: {{name: unshare}}}}, policy: p}}]
policies:
  p:
    tiers:
      critical: {{when: {{rss: 150MB}}, do: [reclaim]}}
"""
OWN_RUN = 'mount -t tmpfs none /run && exec "$0" "$@"'
OWN_ROOT = 'mount --rbind / {root} && mount -t tmpfs none {root}/run && exec chroot {root} "$0" "$@"'


def namespaces(*flags: str) -> list[str]:
    """`unshare` with these flags; loudly skipped where none can be made."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", *flags, "true"], capture_output=True).returncode:
        reason = f"unshare {' '.join(flags)} takes root and its capabilities"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return ["unshare", *flags]


def inside(process: Any) -> int:
    """The PID of the program among the processes that `unshare` started, as we see it."""
    root = psutil.Process(process.pid)
    return next(
        one.pid
        for one in [root, *root.children(recursive=True)]
        if str(PROGRAM) in one.cmdline() and one.name() != "unshare"
    )


@pytest.mark.parametrize(
    ("flags", "shell"),
    [
        pytest.param(("--mount",), OWN_RUN, id="a mount namespace"),
        pytest.param(("--mount", "--pid", "--fork", "--kill-child", "--mount-proc"), OWN_RUN, id="a PID namespace"),
        pytest.param(("--mount",), OWN_ROOT, id="another root"),
    ],
)
def test_an_agent_is_found_and_asked_through_the_root_of_its_process(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, flags: tuple[str, ...], shell: str
) -> None:
    (tmp_path / "root").mkdir()
    words = [*namespaces(*flags), "sh", "-c", shell.format(root=tmp_path / "root")]
    program = start_hooked(spawn, None, *words, mark=str(tmp_path))
    config = CONFIG.format(run_dir=tmp_path / "run", mark=tmp_path)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="app") == 1, 20)
    found = [one["pid"] for one in daemon.log() if one["event"] == "member_found"]
    wait_until(lambda: daemon.metric("brimwatch_target_python_threads", target="app"), 20)
    program.take(200)
    done = wait_until(lambda: daemon.events("action_ran"), 20)[0]["facts"]
    assert found == [inside(program.process)]
    assert "piles (" in done["detail"]
    wait_until(lambda: program.run("print(len(piles))") != "200", 5)


def test_an_agent_where_nothing_can_be_written_is_found_by_its_abstract_address(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    program = start_hooked(spawn, tmp_path / "file" / "run", mark=str(tmp_path))
    assert program.run("print(hooks.status()['agent']['address'])").startswith("@brimwatch-")
    config = CONFIG.format(run_dir=tmp_path / "run", mark=tmp_path)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="app") == 1, 20)
    program.take(200)
    wait_until(lambda: daemon.events("action_ran"), 20)


def test_a_link_in_a_container_does_not_lead_out_of_it(spawn: Any, wait_until: Any, tmp_path: Path) -> None:
    """Its run directory is a link to one of ours, in which a service of ours has a socket of the right name."""
    target = tmp_path / "ours"
    target.mkdir()
    words = [
        *namespaces("--mount"),
        "sh",
        "-c",
        f"mount -t tmpfs none /run && ln -s {target} /run/brimwatch && exec sleep 60",
    ]
    process = spawn(words)
    wait_until(lambda: psutil.Process(process.pid).name() == "sleep", 10)
    one = identity(process.pid)
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(str(target / socket_name(one.pid, one.start_ticks)))
        service.listen()
        service.setblocking(False)
        with pytest.raises(AgentFault) as caught:
            dial(Ground("/proc", "/run/brimwatch"), look_up("/proc", one), inside=True)
        with pytest.raises(BlockingIOError):
            service.accept()
    assert caught.value.reason is Reason.DENIED
    assert "a symbolic link stands in the way" in caught.value.detail


def test_an_agent_of_another_user_is_found_in_the_place_of_its_own(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("to start a process of another user takes root")
    uid = 61234
    try:
        words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        program = start_hooked(spawn, None, *words, mark=str(tmp_path))
        assert f"/tmp/brimwatch-{uid}/" in program.run("print(hooks.status()['agent']['address'])")
        config = CONFIG.format(run_dir=tmp_path / "run", mark=tmp_path)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
        wait_until(lambda: daemon.metric("brimwatch_target_processes", target="app") == 1, 20)
        program.take(200)
        wait_until(lambda: daemon.events("action_ran"), 20)
    finally:
        shutil.rmtree(f"/tmp/brimwatch-{uid}", ignore_errors=True)
