import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.act.commands import attempt_of, command, python, shell, told
from tests.act.processes import held, request_for

from brimwatch.act.request import Recipient, Request
from brimwatch.act.run_command import environment
from brimwatch.model import ProcessId, Reason, Verdict

pytestmark = pytest.mark.live


def test_it_gets_arguments_as_they_are_and_no_shell(spawn: Any) -> None:
    child = spawn(["sleep", "60"])
    show = "import sys; print(sys.argv[1:])"
    options = python(show, "{pid}", "x{target}x", "{tier}", "{needed_bytes}", "$HOME `id` * ; |")
    with held(child.pid) as recipients:
        attempt = attempt_of(options, recipients=recipients, needed=5000, target="{pid} $(id)")
    expected = [str(child.pid), "x{pid} $(id)x", "critical", "5000", "$HOME `id` * ; |"]
    assert attempt.detail.endswith(f": {expected!r}")


def test_an_unknown_need_is_an_empty_argument() -> None:
    assert attempt_of(python("import sys; print(sys.argv[1:])", "{needed_bytes}")).detail.endswith(": ['']")


def test_a_name_that_would_be_an_option_is_refused() -> None:
    attempt = attempt_of(python("pass", "{target}"), target="--delete=/")
    assert told(attempt) == (Verdict.FAILED, Reason.ERROR)
    assert attempt.detail == "--delete=/ in place of {target} would be read as an option"


def test_its_surroundings_are_its_own() -> None:
    code = """
import os, signal, sys
print(*sorted(map(int, os.listdir('/proc/self/fd')))[:-1], end=' | ')
print(os.getcwd(), os.getsid(0) == os.getpid() == os.getpgrp(), end=' | ')
print(os.readlink('/proc/self/fd/0'), signal.pthread_sigmask(signal.SIG_BLOCK, []), end=' | ')
ignored = next(int(line.split()[1], 16) for line in open('/proc/self/status') if line.startswith('SigIgn'))
print([number for number in range(1, 65) if ignored >> number - 1 & 1])
"""
    leaked = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGUSR2)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        # Python itself ignores SIGPIPE (13) and SIGXFSZ (25), glibc in posix_spawn its own 32 and 33.
        attempt = attempt_of(command(sys.executable, "-I", "-S", "-c", code))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(leaked)
    shown, _, ignored = attempt.detail.partition(": ")[2].rpartition(" | ")
    assert shown == "0 1 2 | / True | /dev/null set()"
    assert set(eval(ignored)) - {32, 33} == {signal.SIGPIPE, signal.SIGXFSZ}


def test_our_own_directory_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    attempt_of(command("/bin/true"))
    assert os.getcwd() == str(tmp_path)


def test_a_directory_that_is_gone_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert told(attempt_of(command("/bin/true"))) == (Verdict.RUN, None)


@pytest.mark.parametrize("ours", [pytest.param(500, id="a daemon that dies first")])
def test_the_kernels_mercy_is_not_inherited(ours: int, tmp_path: Path) -> None:
    """As root without CAP_SYS_RESOURCE nothing below 0 can be set: a fake own value stands for the protected daemon."""
    from brimwatch.act.spawn import _unprotect

    child = subprocess.Popen(["sleep", "60"])
    try:
        for pid in ("self", str(child.pid)):
            (tmp_path / pid).mkdir()
            (tmp_path / pid / "oom_score_adj").write_text("-900\n")
        _unprotect(child.pid, str(tmp_path))
        assert (tmp_path / str(child.pid) / "oom_score_adj").read_text() == "0"
        (tmp_path / "self" / "oom_score_adj").write_text(f"{ours}\n")
        (tmp_path / str(child.pid) / "oom_score_adj").write_text(f"{ours}\n")
        _unprotect(child.pid, str(tmp_path))
        assert (tmp_path / str(child.pid) / "oom_score_adj").read_text() == f"{ours}\n"
    finally:
        child.kill()
        child.wait()


def test_its_environment_is_what_we_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    monkeypatch.setenv("HOME", "/home/brim")
    written = tmp_path / "environment"
    code = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ)))"
    facts = {"rss_bytes": "123", "SWAP_BYTES": "0", "MEMBER": "", "BAD NAME": "x", "PATH=": "x", "TARGET": "forged"}
    recipients = (Recipient(ProcessId(1, 1), os.pidfd_open(1), "co\nmm"), Recipient(ProcessId(77, 1), -1))
    try:
        attempt = attempt_of(
            python(code, str(written)),
            recipients=recipients,
            facts=facts,
            needed=9,
            because="rss 5 at 4",
            target="shop",
        )
    finally:
        os.close(recipients[0].pidfd)
    assert told(attempt) == (Verdict.RUN, None)
    found = eval(written.read_text())
    found.pop("LC_CTYPE", None)  # Python sets it for itself where LANG is C
    assert found == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/home/brim",
        "BRIMWATCH_TARGET": "shop",
        "BRIMWATCH_TIER": "critical",
        "BRIMWATCH_ACTION": "act",
        "BRIMWATCH_REASON": "rss 5 at 4",
        "BRIMWATCH_SEVERITY": "0.000",
        "BRIMWATCH_PID": "1",
        "BRIMWATCH_PIDS": "1 77",
        "BRIMWATCH_COMM": "co?mm",
        "BRIMWATCH_NEEDED_BYTES": "9",
        "BRIMWATCH_RSS_BYTES": "123",
        "BRIMWATCH_SWAP_BYTES": "0",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("$(touch /tmp/x); `id` && rm", "$(touch /tmp/x); `id` && rm", id="a shell's words are only text"),
        pytest.param("a\nLD_PRELOAD=/tmp/x.so", "a?LD_PRELOAD=/tmp/x.so", id="a line break makes no second variable"),
        pytest.param("a\0b", "a?b", id="a NUL byte ends nothing"),
        pytest.param("\udcff\x1b]0;x\x07", "??]0;x?", id="what is no text becomes question marks"),
        pytest.param("x" * 5000, "x" * 1021 + "...", id="a long name is cut"),
    ],
)
def test_a_hostile_name_is_harmless(name: str, expected: str) -> None:
    assert environment(request_for(None, target=name))["BRIMWATCH_TARGET"] == expected
    shown = attempt_of(shell('printf "%s" "$BRIMWATCH_TARGET" | wc -c'), target=name)
    assert shown.detail.endswith(f": {len(expected)}")


def test_a_hostile_flood_of_facts_is_bounded() -> None:
    request: Request = request_for(None, facts={f"F{number}": "v" * 9999 for number in range(500)})
    variables = environment(request)
    assert sum(len(name) + len(value) for name, value in variables.items()) < 100_000
