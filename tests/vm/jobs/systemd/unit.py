"""What do the checks of the unit share? The page that is followed, the unit, its configuration, events and figures."""

import json
import re
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from harness import JOB, until

PAGE = (JOB / "systemd.md").read_text()
CONFIG = Path("/etc/brimwatch/brimwatch.yaml")
DROP_INS = Path("/etc/systemd/system/brimwatch.service.d")
SHIPPED = Path("/usr/local/share/brimwatch/systemd")
CGROUP = Path("/sys/fs/cgroup/system.slice")
WITHOUT_SUDO = 'sudo() { "$@"; }; make() { :; }; '  # what `make install` does was done before the machine was started


def section(heading: str) -> str:
    """The text of the page from that heading to the next."""
    return re.split(r"^## ", PAGE.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def commands(heading: str) -> str:
    """What the page says to type there."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", section(heading), re.DOTALL))


def table(heading: str) -> dict[str, list[str]]:
    """The table of that section: the words of each row by its first cell."""
    rows = [line.strip("|").split("|") for line in section(heading).splitlines() if line.startswith("|")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows[2:]}


def shell(text: str) -> str:
    """Run commands; what they printed. Fails where one does."""
    done = subprocess.run(["bash", "-ec", text], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def show(name: str, unit: str = "brimwatch") -> str:
    """A property of a unit."""
    return shell(f"systemctl show -P {name} {unit}").strip()


def install() -> None:
    """Do what the page says; then have a log that can be read by a program, and users."""
    shell(WITHOUT_SUDO + commands("Install"))
    Path("/etc/default/brimwatch").write_text('BRIMWATCH_OPTIONS="--log.format json"\n')
    shell("for name in app other third; do useradd --system $name; done")


def use(*drop_ins: str, config: str = "", extra: str = "") -> None:
    """Start the unit anew, with no memory, these of the shipped drop-ins, and lines for its section [Service]."""
    shell(f"systemctl stop brimwatch; rm -rf {DROP_INS} /var/lib/brimwatch/*; mkdir -p {DROP_INS}")
    for name in drop_ins:
        (DROP_INS / name).symlink_to(SHIPPED / name)
    if extra:
        (DROP_INS / "90-test.conf").write_text(f"[Service]\n{extra}\n")
    if config:
        CONFIG.write_text(config)
    shell("systemctl daemon-reload; systemctl start brimwatch")


def events(name: str, target: str = "", invocation: str = "") -> list[dict[str, Any]]:
    """The events of that name that this start of the unit (or another one) has told."""
    number = invocation or show("InvocationID")
    lines = shell(f"journalctl -q -o cat -u brimwatch _SYSTEMD_INVOCATION_ID={number}").splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [one for one in found if one.get("event") == name and target in ("", one.get("target"))]


def journal(since: str) -> str:
    """What systemd and the unit have said since a time."""
    return shell(f"journalctl -q -o cat -u brimwatch --since '{since}'")


def now() -> str:
    """This moment, as the journal takes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def fetch(path: str = "/metrics", port: int = 9847, **headers: str) -> str:
    """What the daemon answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def series(target: str) -> set[str]:
    """The metrics that have a value for a target, without the prefix."""
    found = re.findall(rf'^brimwatch_(\w+)\{{target="{target}"', fetch(), re.MULTILINE)
    return set(found)


def service(name: str, program: str, settings: str = "", user: str = "app") -> int:
    """Start a service of another user, which may write below /run/brimwatch as everybody may; its PID."""
    Path(f"/run/systemd/system/{name}.service").write_text(
        f"[Service]\nUser={user}\nEnvironment=PYTHONPATH={JOB / 'lib'}\nExecStart=/usr/bin/python3 {JOB}/{program}\n"
        f"MemorySwapMax=0\n{settings}\n"
    )
    shell(f"systemctl daemon-reload; systemctl restart {name}")
    return int(show("MainPID", name))


def ready(pid: int) -> None:
    """Wait until a program of ours has said that it catches SIGUSR1."""
    until(lambda: int(re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())[0], 16) >> 9 & 1)


class Check:
    """`with Check("what holds"):` says that it does, and how long that took."""

    def __init__(self, name: str) -> None:
        self._name, self._began = name, time.monotonic()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            print(f"ok: {self._name} ({time.monotonic() - self._began:.1f} s)", flush=True)
        else:
            print(f"NOT: {self._name}\n{shell('journalctl -q -o cat -u brimwatch | tail -n 25')}", flush=True)
