"""Do groups and mounts go where hooks go: over a fork, to a second copy of the package, onto the wire?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.conftest import DAEMON
from tests.hooks.speaking import Target

from brimwatch.hooks.registry import Hook, Registry

GET = """
import io, json
def get(mounted, method, path):
    said = mounted({'REQUEST_METHOD': method, 'PATH_INFO': path, 'REMOTE_ADDR': '127.0.0.1', 'HTTP_HOST': 'localhost',
                    'wsgi.input': io.BytesIO()}, lambda *start: None)
    print(json.dumps(json.loads(b''.join(said))), flush=True)
mounted = hooks.wsgi(print, local=True)
"""


@pytest.mark.live
def test_a_group_can_be_asked_for_over_the_wire(start: Callable[..., Target]) -> None:
    target = start(
        "hooks.on('warning', name='one', group='g')(lambda request: 1)\n"
        "hooks.on('emergency', name='two', group='g')(lambda request: 2)\n"
        "hooks.on('warning', name='other')(lambda request: 4)\n"
    )
    assert [hook["name"] for hook in target.reclaim("warning", group="g").body["hooks"]] == ["one"]
    assert target.reclaim("emergency", group="g").body["claimed_bytes"] == 3
    assert target.reclaim("emergency", group="nobody").body["hooks"] == []
    assert {hook["name"]: hook["group"] for hook in target.stats()["hooks"]}["one"] == "g"


@pytest.mark.live
@pytest.mark.parametrize("body", [{"group": 7}, {"group": "a/b"}, {"lease": "no"}, {"lease": 0}])
def test_a_group_or_lease_that_cannot_be_is_refused(start: Callable[..., Target], body: dict[str, Any]) -> None:
    assert start().reclaim("warning", **body).status == 400


@pytest.mark.live
def test_what_is_asked_by_hand_leaves_the_lease_to_a_daemon(start: Callable[..., Target]) -> None:
    target = start()
    assert target.reclaim("warning", names=[], lease=False).status == 200
    assert target.stats()["lease"] is None
    assert target.reclaim("warning", names=[]).status == 200
    assert target.stats()["lease"] is not None


@pytest.mark.live
def test_a_worker_that_was_forked_without_an_agent_is_a_process_of_its_own(start: Callable[..., Target]) -> None:
    code = """
def in_child(pid):
    if pid == 0:
        get(mounted, 'POST', '/memory/optimize')
        os._exit(0)
"""
    target = start(install=GET + code)
    found = {hook["name"]: hook["reason"] for hook in json.loads(target.run("in_child(os.fork())"))["hooks"]}
    assert found["gc"] == "would_unshare"


@pytest.mark.live
def test_a_second_copy_of_the_package_hands_on_the_group(start: Callable[..., Target], tmp_path: Path) -> None:
    shutil.copytree(DAEMON / "brimwatch", tmp_path / "copy" / "brimwatch")
    code = f"""
known = {{name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith('brimwatch')}}
sys.path.insert(0, {str(tmp_path / "copy")!r})
from brimwatch import hooks as second
assert second is not hooks
second.on('warning', name='theirs', group='g')(lambda request: 8)
second.install()
"""
    target = start(code)
    assert target.reclaim("warning", group="g").body["claimed_bytes"] == 8


def test_a_round_of_a_group_takes_its_hooks_alone() -> None:
    registry = Registry()
    registry.add(Hook("a", "warning", lambda request: 1, group="g"))
    assert [hook.name for hook in registry.chosen("warning", None, "g")] == ["a"]
    assert registry.chosen("warning", None, "h") == []
    assert registry.chosen("warning", ("a",), "h") == []


@pytest.mark.live
def test_a_hook_of_the_main_thread_runs_on_it_while_that_thread_waits_for_the_answer(
    start: Callable[..., Target],
) -> None:
    hook = """
@hooks.on('warning', group='g', run_on='main')
def own(request):
    return 5 if threading.current_thread() is threading.main_thread() else 0
"""
    target = start(GET + hook, install="import signal\nhooks.install(signal=signal.SIGUSR2)")
    found = json.loads(target.run("get(mounted, 'POST', '/memory/g/optimize')"))
    assert (found["claimed_bytes"], found["complete"]) == (5, True)
