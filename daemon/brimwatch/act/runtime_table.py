"""Which signals do language runtimes and well-known servers keep for themselves?

That a signal is caught does not mean that the program frees memory on it. Every row has its source in docs/actions.md,
"Signals that runtimes keep"; a test compares the two. A runtime that ends in good order on SIGHUP, SIGINT, SIGQUIT or
SIGTERM does what such an action is for: only what does something else stands here.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass

_HUP, _QUIT, _USR1, _USR2 = signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2
_TTIN, _TTOU, _TSTP, _WINCH = signal.SIGTTIN, signal.SIGTTOU, signal.SIGTSTP, signal.SIGWINCH
_URG, _PROF, _PIPE, _XFSZ = signal.SIGURG, signal.SIGPROF, signal.SIGPIPE, signal.SIGXFSZ
_XCPU, _PWR, _VTALRM, _ALRM = signal.SIGXCPU, signal.SIGPWR, signal.SIGVTALRM, signal.SIGALRM
_RT = tuple(range(signal.SIGRTMIN, signal.SIGRTMAX + 1))

_LOGS = "reopens its log files"
_DUMP = "prints the stacks of its threads"
_THREADS = "suspends and resumes its threads with it"
_PROFILER = "drives its profiler"
_FEWER, _MORE = "ends one worker", "starts one more worker"
_WORKERS = "starts all workers anew"
_UPGRADE = "starts a second copy of itself, for an upgrade"
_DRAIN = "stops its workers and keeps running without"
_RELAY = "hands it on to the program that it started, which may have no handler"
_OWN = "its processes wake each other with it"


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime or server, what it keeps, and how it is recognised.

    `executables` are base names of the executable (one that ends in `*` is a beginning), `libraries` beginnings of
    base names of mapped files, `words` base names among the first words of the command line, `marks` what is found
    inside the executable file.
    """

    name: str
    keeps: Mapping[int, str]
    executables: frozenset[str] = frozenset()
    libraries: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()


def _row(name: str, keeps: Mapping[int, str], exe: str = "", lib: str = "", words: str = "", mark: str = "") -> Runtime:
    return Runtime(
        name, keeps, frozenset(exe.split()), tuple(lib.split()), frozenset(words.split()), frozenset(mark.split())
    )


RUNTIMES = (
    _row("OpenJ9", {_QUIT: "writes a Java dump", _USR1: _THREADS, _USR2: "writes a system dump", _PIPE: "used inside",
                    **dict.fromkeys(_RT, "used inside")}, lib="libj9vm libj9prt"),
    _row("Java", {_QUIT: _DUMP, _USR2: _THREADS + "; from outside it ends the process", _PIPE: "used inside",
                  _XFSZ: "used inside", _PROF: _PROFILER, signal.SIGRTMAX - 2: "wakes its blocked threads with it"},
         exe="java jsvc", lib="libjvm.so"),
    _row("Node.js", {_USR1: "opens the debugger's port", _PROF: _PROFILER}, exe="node nodejs electron",
         lib="libnode.so", mark="node"),
    _row("Bun", {_USR1: _THREADS, _PWR: _THREADS}, exe="bun bunx"),
    _row("JavaScriptCore", {_USR1: _THREADS}, lib="libjavascriptcoregtk libJavaScriptCore libwpewebkit"),
    _row("Go", {_URG: "preempts goroutines with it", _PROF: _PROFILER, _PIPE: "used inside"}, mark="go"),
    _row(".NET", {signal.SIGRTMIN: _THREADS}, exe="dotnet",
         lib="libcoreclr.so libclrjit.so memfd:doublemapper"),
    _row("Mono", {_QUIT: _DUMP, _PWR: _THREADS, _XCPU: _THREADS, _PROF: _PROFILER, _USR2: "used inside",
                  **dict.fromkeys(_RT, _THREADS)}, exe="mono mono-sgen mono-boehm", lib="libmono-2.0 libmonosgen-2.0 "
         "libmonoboehm-2.0 libmono-native libmono-component"),
    _row("Boehm GC", {_PWR: _THREADS, _XCPU: _THREADS}, lib="libgc.so libguile-"),
    _row("Erlang/Elixir", {_USR1: "writes a crash dump and halts", _USR2: "stops its threads for a crash dump",
                           _QUIT: "halts at once, with nothing saved"}, exe="beam.smp beam beam.debug.smp"),
    _row("Ruby", {_VTALRM: "switches threads with it"}, exe="ruby ruby2* ruby3* ruby4*", lib="libruby"),
    _row("R", {_USR1: "saves the workspace and quits", _USR2: "saves the workspace and quits"}, exe="R", lib="libR.so"),
    _row("Julia", {_USR1: "prints a profile", _USR2: _THREADS}, exe="julia", lib="libjulia"),
    _row("SBCL", {_USR2: _THREADS, _PROF: _PROFILER}, exe="sbcl"),
    _row("D", {_USR1: _THREADS, _USR2: _THREADS, _RT[0]: _THREADS, _RT[1]: _THREADS}, lib="libphobos2 libdruntime "
         "libgphobos libgdruntime"),
    _row("musl", {_RT[0]: "runs calls on all of its threads with it"}, lib="ld-musl-"),
    _row("QEMU", {_USR1: "wakes its virtual processors with it"}, exe="qemu-system-* qemu-kvm"),
    _row("systemd", {_HUP: "reloads all units", _USR1: "connects to the bus anew", _USR2: "logs its whole state",
                     _PWR: "starts sigpwr.target", _WINCH: "starts kbrequest.target", **dict.fromkeys(
                         _RT, "changes the state of the machine, to rescue, halt, reboot and others")},
         exe="systemd"),
    _row("Relays", dict.fromkeys((_HUP, _USR1, _USR2, _TSTP, _TTIN, _TTOU, _WINCH, _URG, _ALRM, _PWR, *_RT), _RELAY),
         exe="sudo dumb-init docker podman runc crun nerdctl kubectl", words="sudo"),
    _row("Supervisor", {_HUP: "starts all of its programs anew", _USR2: _LOGS}, words="supervisord"),
    _row("Gunicorn", {_HUP: _WORKERS, _USR1: _LOGS, _USR2: _UPGRADE, _TTIN: _MORE, _TTOU: _FEWER, _WINCH: _DRAIN},
         words="gunicorn"),
    _row("Uvicorn", {_HUP: _WORKERS, _TTIN: _MORE, _TTOU: _FEWER}, words="uvicorn"),
    _row("Celery", {_HUP: "starts itself anew", _USR1: _DUMP + "; in a pool process it ends the task",
                    _USR2: "opens a remote debugger"}, words="celery celeryd"),
    _row("uWSGI", {_HUP: _WORKERS, _USR1: "prints statistics", _USR2: "prints the state of its workers",
                   _TSTP: "pauses it", _WINCH: "used inside", _URG: "goes back to a snapshot",
                   _ALRM: "used inside"}, exe="uwsgi uwsgi-core", words="uwsgi uWSGI"),
    _row("Unicorn", {_HUP: _WORKERS, _USR1: _LOGS, _USR2: _UPGRADE, _TTIN: _MORE, _TTOU: _FEWER, _WINCH: _DRAIN},
         words="unicorn unicorn_rails rainbows pitchfork"),
    _row("Puma", {_HUP: _LOGS, _USR1: _WORKERS, _USR2: _WORKERS, _TTIN: _MORE, _TTOU: _FEWER,
                  _URG: "forks its workers anew"}, words="puma"),
    _row("Sidekiq", {_TTIN: _DUMP, _TSTP: "takes no new jobs, for good", _USR1: "takes no new jobs, for good",
                     _USR2: "starts anew, or reopens its log files"}, words="sidekiq sidekiqswarm"),
    _row("nginx", {_HUP: "reads its configuration and " + _WORKERS, _USR1: _LOGS, _USR2: _UPGRADE, _WINCH: _DRAIN},
         exe="nginx openresty", words="nginx"),
    _row("Apache", {_HUP: _WORKERS, _USR1: _WORKERS, _WINCH: "stops it, gracefully"}, exe="apache2 httpd"),
    _row("PHP-FPM", {_USR1: _LOGS, _USR2: _WORKERS}, exe="php-fpm*", words="php-fpm"),
    _row("HAProxy", {_HUP: "logs the state of its servers", _USR1: "stops taking connections, for good",
                     _USR2: "reloads", _TTIN: "opens its listeners again", _TTOU: "closes its listeners",
                     _QUIT: "logs its memory pools"}, exe="haproxy"),
    _row("PostgreSQL", {_HUP: "reads its configuration", _USR1: _OWN, _USR2: _OWN, _URG: _OWN, _ALRM: "used inside",
                        _QUIT: "ends without saving; the next start recovers"}, exe="postgres postmaster"),
    _row("MySQL", {_HUP: "flushes tables, logs and privileges", _USR1: "flushes its logs"},
         exe="mysqld mariadbd"),
    _row("Redis", {_USR1: "ends the process that saves its data"}, exe="redis-server valkey-server redis-sentinel"),
    _row("MongoDB", {_USR1: "rotates its log files", _USR2: _DUMP}, exe="mongod mongos"),
)  # fmt: skip
