"""Are the configurations that the chart brings good ones, and does a daemon run as the chart starts it?"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.helm.chart import CHART, daemon_in, only, pod_of, render

CASES = ["default", "daemonset", "daemonset-act", "injection", "monitoring"]


def configurations(case: str) -> dict[str, str]:
    objects = render(values=CHART / "ci" / f"{case}-values.yaml")
    return {
        one["metadata"]["name"]: one["data"]["brimwatch.yaml"]
        for one in objects
        if one["kind"] == "ConfigMap" and "brimwatch.yaml" in one["data"]
    }


def mount(folder: Path, text: str) -> Path:
    """A ConfigMap volume as the kubelet writes it: a link to a link to a folder, which is exchanged in one step.

    Everybody may write to the volume's own folder, and nobody else to the one with the files.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    data = folder / f"..2026_11_21_10_00_00.{len(list(folder.iterdir()))}"
    data.mkdir(mode=0o755)
    (data / "brimwatch.yaml").write_text(text)
    (folder / "..data_tmp").symlink_to(data.name)
    os.replace(folder / "..data_tmp", folder / "..data")
    if not (folder / "brimwatch.yaml").is_symlink():
        (folder / "brimwatch.yaml").symlink_to("..data/brimwatch.yaml")
    return folder / "brimwatch.yaml"


@pytest.mark.parametrize("case", CASES)
def test_a_configuration_passes_check_config(case: str, tmp_path: Path) -> None:
    found = configurations(case)
    assert found
    for name, text in found.items():
        file = mount(tmp_path / name, text)
        words = [sys.executable, "-m", "brimwatch", "check-config", str(file)]
        result = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.startswith("ok: ")


def fetch(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.mark.live
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_a_daemon_runs_as_the_chart_starts_it_and_sees_a_changed_configmap(
    kind: str,
    tmp_path: Path,
    free_port: Callable[[], int],
    spawn: Callable[..., subprocess.Popen[Any]],
    wait_until: Callable[..., Any],
) -> None:
    port = free_port()
    objects = render("daemonset.enabled=true", f"web.port={port}")
    pod = pod_of(only(objects, kind))
    assert pod is not None
    names = {"Deployment": "shop-brimwatch-sidecar", "DaemonSet": "shop-brimwatch-daemonset"}
    text = next(one for one in objects if one["metadata"]["name"] == names[kind])["data"]["brimwatch.yaml"]
    file = mount(tmp_path / "config", text)
    storage = tmp_path / "storage"
    storage.mkdir()
    storage.chmod(0o777)  # as the kubelet makes an emptyDir
    paths = {"/etc/brimwatch/brimwatch.yaml": str(file), "/var/lib/brimwatch": str(storage)}
    words = daemon_in(pod)["args"]
    for wanted, here in paths.items():
        words = [word.replace(wanted, here) for word in words]

    daemon = spawn([sys.executable, "-m", "brimwatch", *words], stderr=(tmp_path / "log").open("wb"))

    def answers(path: str, part: str = "") -> Callable[[], bool]:
        return lambda: daemon.poll() is not None or (part in fetch(port, path) and fetch(port, path) != "")

    wait_until(answers("/-/ready"), 30)
    assert daemon.poll() is None, (tmp_path / "log").read_text()
    mount(tmp_path / "config", "targets:\n  - {name: changed, match: {name: no-such-one}}\n")
    wait_until(answers("/metrics", 'brimwatch_target_up{target="changed"} 0'), 30)
    assert daemon.poll() is None
    assert "brimwatch_config_last_reload_successful 1" in fetch(port, "/metrics")
    assert (storage / "journal" / "journal.sqlite3").exists()
    log = (tmp_path / "log").read_text()
    assert "journal_failed" not in log
    assert ('"dry_run": true' in log or '"dry_run":true' in log) == (kind == "DaemonSet")
