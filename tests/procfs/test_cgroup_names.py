import pytest

from brimwatch.procfs.cgroup import CgroupPaths, parse_cgroup
from brimwatch.procfs.cgroup_names import ContainerName, container_in, container_of, unit_in, unit_of

A = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
B = "423f66c54536da89e0a167ccd93719299bcebf99a7e948f6fa02640116f90f04"
UID = "6de31acc-3b6d-4fe3-bd53-2cc9ddcd1b0e"
UID_ = UID.replace("-", "_")
STATIC = "d1c54b44724f4f4eaf25cd1e3c15eddc"  # a static pod's UID is a hash without dashes
POD_SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice"
NESTED_SLICE = (
    "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
    f"kubelet-kubepods-besteffort-pod{UID_}.slice"
)
USER = "/user.slice/user-1000.slice/user@1000.service"

# path, container, unit
PATHS = {
    "docker, cgroupfs": (f"/docker/{A}", ContainerName(A, "docker"), None),
    "docker, systemd": (f"/system.slice/docker-{A}.scope", ContainerName(A, "docker"), None),
    "docker, a cgroup made inside": (f"/docker/{A}/init", ContainerName(A, "docker"), None),
    "docker on an old Debian, at the root": (f"/{A}", ContainerName(A, "unknown"), None),
    "docker with a parent of the user's": (f"/actions_job/{A}", ContainerName(A, "unknown"), None),
    "docker with a slice of the user's": (f"/web.slice/docker-{A}.scope", ContainerName(A, "docker"), None),
    "docker in docker": (f"/docker/{A}/docker/{B}", ContainerName(B, "docker"), None),
    "docker in docker, systemd around": (
        f"/system.slice/docker-{A}.scope/docker/{B}",
        ContainerName(B, "docker"),
        None,
    ),
    "systemd in docker": (
        f"/system.slice/docker-{A}.scope/system.slice/nginx.service",
        ContainerName(A, "docker"),
        "nginx.service",
    ),
    "init of systemd in docker": (
        f"/system.slice/docker-{A}.scope/init.scope",
        ContainerName(A, "docker"),
        "init.scope",
    ),
    "rootless docker": (f"{USER}/user.slice/docker-{A}.scope", ContainerName(A, "docker"), None),
    "containerd, systemd": (f"{POD_SLICE}/cri-containerd-{A}.scope", ContainerName(A, "containerd", UID), None),
    "containerd, guaranteed pod": (
        f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{A}.scope",
        ContainerName(A, "containerd", UID),
        None,
    ),
    "containerd with colons": (
        f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{A}",
        ContainerName(A, "containerd", UID),
        "containerd.service",
    ),
    "containerd with colons at the root": (
        f"/kubepods-besteffort-pod{UID_}.slice:cri-containerd:{A}",
        ContainerName(A, "containerd", UID),
        None,
    ),
    "nerdctl": (f"/system.slice/nerdctl-{A}.scope", ContainerName(A, "containerd"), None),
    "kubelet, cgroupfs, burstable": (f"/kubepods/burstable/pod{UID}/{A}", ContainerName(A, "unknown", UID), None),
    "kubelet, cgroupfs, guaranteed": (f"/kubepods/pod{UID}/{A}", ContainerName(A, "unknown", UID), None),
    "kubelet, cgroupfs, static pod": (
        f"/kubepods/besteffort/pod{STATIC}/{A}",
        ContainerName(A, "unknown", STATIC),
        None,
    ),
    "kubelet below its own cgroup, cgroupfs": (
        f"/kubelet/kubepods/besteffort/pod{UID}/{A}",
        ContainerName(A, "unknown", UID),
        None,
    ),
    "kubelet below its own slice": (
        f"{NESTED_SLICE}/cri-containerd-{A}.scope",
        ContainerName(A, "containerd", UID),
        None,
    ),
    "docker under the kubelet": (f"{POD_SLICE}/docker-{A}.scope", ContainerName(A, "docker", UID), None),
    "kind in docker": (
        f"/docker/{B}{NESTED_SLICE}/cri-containerd-{A}.scope",
        ContainerName(A, "containerd", UID),
        None,
    ),
    "kind in docker, cgroupfs": (
        f"/docker/{B}/kubelet/kubepods/besteffort/pod{UID}/{A}",
        ContainerName(A, "unknown", UID),
        None,
    ),
    "kind in docker with systemd": (
        f"/system.slice/docker-{B}.scope{NESTED_SLICE}/cri-containerd-{A}.scope",
        ContainerName(A, "containerd", UID),
        None,
    ),
    "the kubelet of a kind node": (
        f"/docker/{B}/kubelet.slice/kubelet.service",
        ContainerName(B, "docker"),
        "kubelet.service",
    ),
    "docker in a pod": (f"/kubepods/burstable/pod{UID}/{B}/docker/{A}", ContainerName(A, "docker", UID), None),
    "cri-o, systemd": (f"{POD_SLICE}/crio-{A}.scope", ContainerName(A, "cri-o", UID), None),
    "cri-o, the cgroup inside its scope": (
        f"{POD_SLICE}/crio-{A}.scope/container",
        ContainerName(A, "cri-o", UID),
        None,
    ),
    "cri-o, cgroupfs": (f"/kubepods/burstable/pod{UID}/crio-{A}", ContainerName(A, "cri-o", UID), None),
    "conmon of cri-o": (f"{POD_SLICE}/crio-conmon-{A}.scope", None, f"crio-conmon-{A}.scope"),
    "conmon of cri-o, cgroupfs": (f"/kubepods/burstable/pod{UID}/crio-conmon-{A}", None, None),
    "conmon of cri-o in kind": (
        f"/docker/{B}{NESTED_SLICE}/crio-conmon-{A}.scope",
        ContainerName(B, "docker"),
        f"crio-conmon-{A}.scope",
    ),
    "podman": (f"/machine.slice/libpod-{A}.scope/container", ContainerName(A, "podman"), None),
    "conmon of podman": (f"/machine.slice/libpod-conmon-{A}.scope", None, f"libpod-conmon-{A}.scope"),
    "podman, cgroupfs": (f"/libpod_parent/libpod-{A}", ContainerName(A, "podman"), None),
    "rootless podman": (f"{USER}/user.slice/libpod-{A}.scope/container", ContainerName(A, "podman"), None),
    "podman from a quadlet": (
        f"/system.slice/nginx.service/libpod-payload-{A}",
        ContainerName(A, "podman"),
        "nginx.service",
    ),
    "podman from a user's quadlet": (
        f"{USER}/app.slice/app-kollektivkart.slice/kollektivkart@8000.service/libpod-payload-{A}",
        ContainerName(A, "podman"),
        "kollektivkart@8000.service",
    ),
    "conmon beside a quadlet": ("/system.slice/nginx.service/runtime", None, "nginx.service"),
    "ECS on EC2": (f"/ecs/0410eff2-7e59-4111-823e-1e0d98ef7f30/{A}", ContainerName(A, "unknown"), None),
    "ECS on Fargate": (
        "/ecs/1ee7eac4d1c54b9ea9ee1c2a3d77a2bb/1ee7eac4d1c54b9ea9ee1c2a3d77a2bb-3935363592",
        ContainerName("1ee7eac4d1c54b9ea9ee1c2a3d77a2bb-3935363592", "unknown"),
        None,
    ),
    "seen from another cgroup namespace": (
        f"/../../kubepods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
        ContainerName(A, "containerd", UID),
        None,
    ),
    "a service": ("/system.slice/cron.service", None, "cron.service"),
    "an instance of a template, escaped": (
        "/system.slice/system-getty.slice/getty@tty1\\x2dfoo.service",
        None,
        "getty@tty1\\x2dfoo.service",
    ),
    "a cgroup below a service": (
        "/system.slice/postgresql@15-main.service/workers",
        None,
        "postgresql@15-main.service",
    ),
    "a service of a user": (f"{USER}/app.slice/foo.service", None, "foo.service"),
    "an application of a desktop": (
        f"{USER}/app.slice/app-firefox\\x2desr-07dd78c014ab4fe48f7395474e0b5c5e.scope",
        None,
        "app-firefox\\x2desr-07dd78c014ab4fe48f7395474e0b5c5e.scope",
    ),
    "the manager of a user": (f"{USER}/init.scope", None, "init.scope"),
    "a login": ("/user.slice/user-1000.slice/session-2.scope", None, "session-2.scope"),
    "systemd itself": ("/init.scope", None, "init.scope"),
    "a mount being made": ("/system.slice/var-lib-data.mount", None, "var-lib-data.mount"),
    "the docker daemon": ("/system.slice/docker.service", None, "docker.service"),
    "a slice alone": ("/user.slice/user-1000.slice", None, None),
    "a pod alone": (POD_SLICE, None, None),
    "a virtual machine": (
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
        None,
        "machine-qemu\\x2d1\\x2dvm.scope",
    ),
    "lxc": ("/lxc.payload.web/system.slice/ssh.service", None, "ssh.service"),
    "the root": ("/", None, None),
    "an ID that is too short": ("/docker/abc123", None, None),
    "a scope that a person called docker": ("/system.slice/docker-build.scope", None, "docker-build.scope"),
    "capitals are no ID": (f"/docker/{A.upper()}", None, None),
    "an ID that is too long": (f"/docker/{A}0", None, None),
    "digits that a person chose": ("/batch/20240131235959", None, None),
    "nothing at all": ("", None, None),
    "only a suffix": ("/.service", None, None),
}


@pytest.mark.parametrize(("path", "container", "unit"), [pytest.param(*row, id=key) for key, row in PATHS.items()])
def test_what_a_path_names(path, container, unit):
    assert (container, unit) == (container_of(path), unit_of(path))


@pytest.mark.parametrize(
    ("text", "container", "unit"),
    [
        pytest.param(
            f"12:memory:/docker/{A}\n1:name=systemd:/docker/{A}\n0::/system.slice/snap.docker.dockerd.service\n",
            ContainerName(A, "docker"),
            None,
            id="docker on a hybrid machine is in the daemon's own unit by version 2 only",
        ),
        pytest.param(
            "5:memory:/user.slice\n1:name=systemd:/user.slice/user-1000.slice/user@1000.service/x.service\n0::/y.service\n",
            None,
            "x.service",
            id="where systemd has a hierarchy of its own, that one counts",
        ),
        pytest.param(
            "4:memory:/api/1\n9:name=systemd:/\n0::/system.slice/x.service\n",
            None,
            "x.service",
            id="a hierarchy of systemd's that nobody uses does not",
        ),
        pytest.param(
            f"7:pids:/docker/{A}\n5:memory:/\n0::/\n",
            ContainerName(A, "docker"),
            None,
            id="a container that has no memory cgroup is seen in another hierarchy",
        ),
        pytest.param("0::/system.slice/x.service\n", None, "x.service", id="version 2 alone"),
        pytest.param("", None, None, id="no cgroups at all"),
    ],
)
def test_which_hierarchy_counts(text, container, unit):
    paths = parse_cgroup(text.encode())
    assert (container, unit) == (container_in(paths), unit_in(paths))


def test_paths_that_were_put_together_by_hand_are_understood():
    paths = CgroupPaths(f"/system.slice/docker-{A}.scope", None)
    assert (ContainerName(A, "docker"), None) == (container_in(paths), unit_in(paths))
