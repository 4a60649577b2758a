"""A container by runc: what it is given, and the configuration that says so (OCI runtime specification 1.0)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# As container runtimes hide and protect them by default.
MASKED = ("/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi")
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
# What the default profile of container runtimes refuses, as Docker's documentation lists it (docs.docker.com, "Seccomp
# security profiles", significant system calls blocked); ours refuses these and allows all others.
REFUSED = """
    acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module get_mempolicy init_module
    kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount move_pages name_to_handle_at nfsservctl
    open_by_handle_at perf_event_open personality pivot_root process_madvise quotactl reboot request_key
    set_mempolicy setns settimeofday swapoff swapon syslog umount2 unshare userfaultfd vhangup
"""
ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
USUAL = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def bind(source: Path, target: str, writable: bool = False) -> dict[str, Any]:
    """A folder or file of ours in the container."""
    options = ["rbind", "rw" if writable else "ro", "nosuid", "nodev"]
    return {"destination": target, "type": "bind", "source": os.fspath(source), "options": options}


def tmpfs(target: str) -> dict[str, Any]:
    """A volume in memory, as an `emptyDir` of `medium: Memory` is; runc gives it the mode of its mount point."""
    options = ["nosuid", "nodev", "size=64m"]
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options}


@dataclass(frozen=True)
class Box:
    """What one container is given. `capabilities` are effective; `memory` is its limit in bytes."""

    arguments: Sequence[str]
    uid: int = 1000
    gid: int = 1000
    capabilities: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[dict[str, Any]] = ()
    memory: int | None = None
    confined: bool = True  # no new privileges, system calls as container runtimes allow them
    read_only: bool = True
    cgroup_namespace: bool = False
    directory: str = "/"


def configuration(box: Box, root: Path, name: str, pid_namespace: str | None) -> dict[str, Any]:
    """The `config.json` of a bundle. `pid_namespace`: the path of the one to join, None for a new one.

    The network stays ours: a pod's containers share theirs too, and a test reaches it over loopback.
    """
    namespaces: list[dict[str, str]] = [{"type": kind} for kind in ("mount", "ipc", "uts")]
    namespaces.append({"type": "pid"} if pid_namespace is None else {"type": "pid", "path": pid_namespace})
    if box.cgroup_namespace:
        namespaces.append({"type": "cgroup"})
    linux: dict[str, Any] = {
        "cgroupsPath": f"/{name}",
        "namespaces": namespaces,
        "maskedPaths": MASKED,
        "readonlyPaths": READ_ONLY,
        "resources": {} if box.memory is None else {"memory": {"limit": box.memory}},
    }
    if box.confined:
        linux["seccomp"] = seccomp()
    return {
        "ociVersion": "1.0.2",
        "hostname": name[-32:],
        "root": {"path": os.fspath(root), "readonly": box.read_only},
        "process": process(box),
        "mounts": [*system_mounts(), *box.mounts],
        "linux": linux,
    }


def process(box: Box) -> dict[str, Any]:
    held = list(box.capabilities)
    # A user that is not root keeps what is ambient, and nothing else, when it executes a program.
    sets = dict.fromkeys(("bounding", "effective", "permitted", "inheritable", "ambient"), held)
    environ = [USUAL, *(f"{key}={value}" for key, value in box.environ.items())]
    return {
        "terminal": False,
        "user": {"uid": box.uid, "gid": box.gid},
        "args": list(box.arguments),
        "env": environ,
        "cwd": box.directory,
        "capabilities": sets,
        "noNewPrivileges": box.confined,
    }


def system_mounts() -> list[dict[str, Any]]:
    """What every container has: /proc, a small /dev, and its own cgroup, read-only."""
    quiet = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": quiet},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*quiet, "mode=1777", "size=64m"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*quiet, "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": [*quiet, "relatime", "ro"]},
    ]


def seccomp() -> dict[str, Any]:
    """System calls as a runtime's default profile leaves them; what is refused answers EPERM."""
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [ARCHITECTURES[platform.machine()]],
        "syscalls": [{"names": REFUSED.split(), "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
    }


def write_bundle(folder: Path, config: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
