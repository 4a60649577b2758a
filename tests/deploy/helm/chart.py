"""Where is the chart, and what does it render to?"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy" / "helm" / "brimwatch"
EXAMPLE = ROOT / "deploy" / "helm" / "examples" / "sidecar"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
HELMS = ("helm-3", "helm-4")

# Which MutatingAdmissionPolicy a version of Kubernetes serves (beta: where it is switched on); older ones have none.
POLICY = "MutatingAdmissionPolicy"
BETA, STABLE = f"admissionregistration.k8s.io/v1beta1/{POLICY}", f"admissionregistration.k8s.io/v1/{POLICY}"
VERSIONS = {
    "1.29": None,
    "1.30": None,
    "1.31": None,
    "1.32": None,
    "1.33": None,
    "1.34": BETA,
    "1.35": BETA,
    "1.36": STABLE,
}
NEWEST = "1.36"

Manifest = dict[str, Any]


def program(name: str) -> str:
    """Helm 3 or 4, as tests/components/helm brought it; without it the test is skipped, with CI=true it fails."""
    path = Path(sys.prefix, "helm", name)
    if path.exists():
        return str(path)
    reason = f"{name} is not there: `make test` brings it, or `tests/components/helm {path.parent}`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@functools.cache
def _home() -> str:
    folder = tempfile.mkdtemp(prefix="brimwatch-helm-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def helm(version: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Helm with nothing of this machine's own configuration."""
    folders = {f"HELM_{kind}_HOME": f"{_home()}/{kind.lower()}" for kind in ("CACHE", "CONFIG", "DATA")}
    environ = {"PATH": os.environ["PATH"], "HOME": _home(), **folders}
    return subprocess.run([program(version), *words], capture_output=True, text=True, env=environ, timeout=60)


def template(
    *settings: str,
    values: Path | None = None,
    version: str = "helm-3",
    kubernetes: str = NEWEST,
    chart: Path = CHART,
    api: str | None = "",
) -> subprocess.CompletedProcess[str]:
    """`helm template` of a release `shop`; `api` is what the cluster serves besides, usually what its version does."""
    served = VERSIONS[kubernetes] if api == "" else api
    words = ["template", "shop", str(chart), "--namespace", "front", "--kube-version", kubernetes]
    words += [] if served is None else ["--api-versions", served]
    words += [] if values is None else ["--values", str(values)]
    for setting in settings:
        words += ["--set-json" if setting.partition("=")[2][:1] in '[{"' else "--set", setting]
    return helm(version, *words)


def manifests(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


@functools.cache
def _rendered(settings: tuple[str, ...], options: tuple[tuple[str, Any], ...]) -> str:
    result = template(*settings, **dict(options))
    assert result.returncode == 0, result.stderr
    return result.stdout


def render(*settings: str, **options: Any) -> list[Manifest]:
    """The objects that a chart renders to. Fails where it renders to none because of a fault."""
    return manifests(_rendered(settings, tuple(sorted(options.items()))))


def only(objects: list[Manifest], kind: str) -> Manifest:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def pod_of(one: Manifest) -> Manifest | None:
    """The pod spec in an object, if it has one."""
    if one["kind"] == "Pod":
        return dict(one["spec"])
    if one["kind"] in {"Deployment", "DaemonSet"}:
        return dict(one["spec"]["template"]["spec"])
    return None


def daemon_in(pod: Manifest) -> Manifest:
    """The container with the daemon, wherever it is."""
    (found,) = (one for one in [*pod.get("initContainers", []), *pod["containers"]] if one["name"] == "brimwatch")
    return dict(found)
