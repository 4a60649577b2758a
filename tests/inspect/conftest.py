"""A process made of files, as the kernel would show it."""

from pathlib import Path

import pytest

PID = 4242
STAT = "4242 ({comm}) {state} 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 {threads} 0 {start}" + " 0" * 20 + "\n"
STATUS = """Name:\tapp
Uid:\t65534\t65534\t65534\t65534
Gid:\t0\t0\t0\t0
Threads:\t2
VmHWM:\t  500 kB
VmRSS:\t  400 kB
RssAnon:\t  300 kB
RssFile:\t  90 kB
RssShmem:\t  10 kB
VmSwap:\t  20 kB
SigCgt:\t0000000000000200
"""
SMAPS = """1000-3000 rw-p 00000000 00:00 0                          [heap]
Rss:                 300 kB
Pss:                 300 kB
Swap:                 20 kB
4000-5000 r-xp 00000000 08:01 42                         /usr/bin/app
Rss:                  90 kB
Pss:                  45 kB
Swap:                  0 kB
"""


class FakeProcess:
    """/proc/4242 below a directory, with a v2 cgroup of its own; every file may be rewritten."""

    def __init__(self, directory: Path) -> None:
        self.procfs = str(directory / "proc")
        self.proc = directory / "proc"
        self.cgroup = directory / "cg" / "app.service"
        self.cgroup.mkdir(parents=True)
        self.write("../self/mountinfo", f"30 23 0:26 / {directory / 'cg'} rw - cgroup2 cgroup2 rw\n")
        self.write("../meminfo", "MemTotal: 1000000 kB\nMemFree: 4 kB\nMemAvailable: 600000 kB\n")
        self.stat()
        self.write("statm", "1000 100 25 0 0 0 0\n")
        self.write("status", STATUS)
        self.write("smaps", SMAPS)
        self.write("smaps_rollup", "Rss: 400 kB\nPss: 350 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 310 kB\n")
        self.write("cmdline", "app\0--token=abc\0")
        self.write("cgroup", "0::/app.service\n")
        self.write("limits", "Max stack size             8388608              unlimited            bytes\n")
        self.write("oom_score", "666\n")
        self.write("oom_score_adj", "0\n")
        self.write("fd/0", "")
        self.write("task/4242/comm", "app\n")
        self.write("task/4243/comm", "worker-1\n")
        (self.proc / "4242" / "exe").symlink_to("/usr/bin/app")
        self.charge(usage=900_000, inactive=300_000)

    def write(self, name: str, text: str) -> None:
        path = self.proc / "4242" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent.resolve() / path.name).write_text(text)

    def stat(self, state: str = "S", threads: int = 2, comm: str = "app", start: int = 100) -> None:
        self.write("stat", STAT.format(state=state, threads=threads, comm=comm, start=start))

    def charge(self, usage: int, inactive: int, limit: str = "max") -> None:
        texts = {
            "cgroup.events": "populated 1\n",
            "memory.current": f"{usage}\n",
            "memory.max": f"{limit}\n",
            "memory.stat": f"anon 1\ninactive_file {inactive}\n",
            "memory.events": "oom 0\noom_kill 3\n",
        }
        for name, text in texts.items():
            (self.cgroup / name).write_text(text)


@pytest.fixture
def process(tmp_path: Path) -> FakeProcess:
    return FakeProcess(tmp_path)
