import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.procfs.cgroup import parse_cgroup
from brimwatch.procfs.cgroup_names import container_of
from brimwatch.procfs.pod_paths import BEST_EFFORT, BURSTABLE, GUARANTEED, PodPlace, pods_in, pods_of

A = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
B = "423f66c54536da89e0a167ccd93719299bcebf99a7e948f6fa02640116f90f04"
UID = "6de31acc-3b6d-4fe3-bd53-2cc9ddcd1b0e"
UID_ = UID.replace("-", "_")
OTHER = "0dd2b8a1-7a5b-4b0a-9c33-6a0f4f1f1c11"
STATIC = "d1c54b44724f4f4eaf25cd1e3c15eddc"
KIND = "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice"

# The forms are those of the kubelet's drivers and of each runtime, as cadvisor and the kubelet's own tests have them.
PATHS = {
    "cgroupfs, burstable": (f"/kubepods/burstable/pod{UID}/{A}", BURSTABLE),
    "cgroupfs, best effort": (f"/kubepods/besteffort/pod{UID}/{A}", BEST_EFFORT),
    "cgroupfs, guaranteed": (f"/kubepods/pod{UID}/{A}", GUARANTEED),
    "cgroupfs, below a root of its own": (f"/kubelet/kubepods/besteffort/pod{UID}/{A}", BEST_EFFORT),
    "cgroupfs, cri-o": (f"/kubepods/burstable/pod{UID}/crio-{A}", BURSTABLE),
    "cgroupfs, seen from a namespace below the class": (f"/../../pod{UID}/{A}", None),
    "cgroupfs, seen from a guaranteed pod": (f"/../../burstable/pod{UID}/{A}", BURSTABLE),
    "systemd, containerd": (
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
        BURSTABLE,
    ),
    "systemd, guaranteed": (f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{A}.scope", GUARANTEED),
    "systemd, cri-o, the cgroup inside its scope": (
        f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{A}.scope/container",
        BEST_EFFORT,
    ),
    "systemd, docker": (
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/docker-{A}.scope",
        BURSTABLE,
    ),
    "systemd, seen from a namespace": (
        f"/../../kubepods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
        BURSTABLE,
    ),
    "containerd with colons": (
        f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{A}",
        BURSTABLE,
    ),
    "kind, systemd": (
        f"/docker/{B}{KIND}/kubelet-kubepods-besteffort-pod{UID_}.slice/cri-containerd-{A}.scope",
        BEST_EFFORT,
    ),
    "kind, cgroupfs": (f"/docker/{B}/kubelet/kubepods/burstable/pod{UID}/{A}", BURSTABLE),
    "docker in a pod": (f"/kubepods/burstable/pod{UID}/{A}/docker/{B}", BURSTABLE),
    "systemd in a pod": (f"/kubepods/burstable/pod{UID}/{A}/system.slice/web.service", BURSTABLE),
}


@pytest.mark.parametrize("path", PATHS)
def test_pod_container_and_class_are_read_from_a_path(path: str) -> None:
    text, qos = PATHS[path]
    assert pods_of(text) == (PodPlace(UID, A, qos),)


def test_a_static_pod_is_called_by_its_hash() -> None:
    assert pods_of(f"/kubepods/burstable/pod{STATIC}/{A}") == (PodPlace(STATIC, A, BURSTABLE),)


def test_pods_within_pods_are_told_from_the_outermost_in() -> None:
    path = f"/kubepods/burstable/pod{UID}/{A}/kubelet/kubepods/pod{OTHER}/{B}"
    assert pods_of(path) == (PodPlace(UID, A, BURSTABLE), PodPlace(OTHER, B, GUARANTEED))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/docker/{A}",
        f"/kubepods/burstable/pod{UID}",
        f"/kubepods/burstable/pod{UID}/crio-conmon-{A}",
        f"/kubepods/burstable/pod{UID[:-1]}/{A}",
        f"/kubepods/burstable/tripod{UID}/{A}",
        "/system.slice/podman.service",
    ],
)
def test_other_paths_are_in_no_pod(path: str) -> None:
    assert pods_of(path) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"0::/kubepods/pod{UID}/{A}\n", GUARANTEED, id="v2"),
        pytest.param(f"4:memory:/kubepods/pod{UID}/{A}\n1:name=systemd:/\n", GUARANTEED, id="v1"),
        pytest.param(f"9:memory:/\n3:cpu:/kubepods/besteffort/pod{UID}/{A}\n0::/x\n", BEST_EFFORT, id="hybrid"),
    ],
)
def test_any_hierarchy_may_name_the_pod(text: str, expected: str) -> None:
    assert pods_in(parse_cgroup(text.encode())) == (PodPlace(UID, A, expected),)


PARTS = st.sampled_from(
    [
        "",
        "..",
        "kubepods",
        "burstable",
        f"pod{UID}",
        f"kubepods-pod{UID_}.slice",
        A,
        f"crio-{A}.scope",
        ":",
        "pod",
        A[:12],
    ]
)


@given(st.lists(PARTS | st.text(max_size=12), max_size=8).map("/".join))
@settings(max_examples=60)
def test_whatever_a_path_says_a_pod_has_a_uid_and_a_container(path: str) -> None:
    for place in pods_of(path):
        assert place.uid == UID
        assert place.container in (A, A[:12])
        assert container_of(path) is not None, "a pod's process is in a container"
