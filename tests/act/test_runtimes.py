import signal

import pytest

from brimwatch.act.runtime_table import RUNTIMES
from brimwatch.act.runtimes import Evidence, Kept, kept, recognise
from brimwatch.act.signals import CERTAIN

USR1, USR2, HUP, QUIT = signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGQUIT


def names(evidence: Evidence) -> list[str]:
    return [runtime.name for runtime in recognise(evidence)]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param(Evidence("/usr/bin/python3.11", ("python3", "app.py")), [], id="plain Python keeps nothing"),
        pytest.param(Evidence("/usr/local/bin/node"), ["Node.js"], id="an executable by its name"),
        pytest.param(Evidence("/usr/local/bin/node (deleted)"), ["Node.js"], id="an executable that was replaced"),
        pytest.param(Evidence("/srv/nodemon"), [], id="a longer name is another program"),
        pytest.param(Evidence("/usr/sbin/php-fpm8.2"), ["PHP-FPM"], id="an executable with a version in its name"),
        pytest.param(
            Evidence("/usr/bin/python3", ("app",), frozenset({"libjvm.so"})),
            ["Java"],
            id="a library inside another program",
        ),
        pytest.param(
            Evidence("/opt/j/bin/java", (), frozenset({"libj9vm29.so", "libjvm.so"})),
            ["OpenJ9", "Java"],
            id="two rows for one process",
        ),
        pytest.param(
            Evidence("/srv/tool", (), frozenset({"memfd:doublemapper (deleted)"})),
            [".NET"],
            id="a single-file .NET program",
        ),
        pytest.param(Evidence("/srv/tool", (), frozenset(), frozenset({"go"})), ["Go"], id="a Go program of any name"),
        pytest.param(
            Evidence("/srv/tool", (), frozenset(), frozenset({"node"})), ["Node.js"], id="a single-file Node.js program"
        ),
        pytest.param(
            Evidence("/usr/bin/python3", ("/venv/bin/python3", "/venv/bin/gunicorn", "shop.wsgi")),
            ["Gunicorn"],
            id="a script after its interpreter",
        ),
        pytest.param(
            Evidence("/usr/bin/python3", ("gunicorn: master [shop.wsgi]",)),
            ["Gunicorn"],
            id="a title that a process gave itself",
        ),
        pytest.param(Evidence("/usr/bin/python3", ("python", "-m", "celery", "-A", "shop")), ["Celery"], id="a module"),
        pytest.param(
            Evidence("/usr/bin/python3", ("[celeryd: celery@host:MainProcess]", "-active-")),
            ["Celery"],
            id="a title in brackets",
        ),
        pytest.param(
            Evidence("/usr/bin/python3", ("python", "/venv/lib/celery/__main__.py")),
            ["Celery"],
            id="a package's main file",
        ),
        pytest.param(
            Evidence("/usr/bin/python3", ("python", "-m", "gunicorn.app.wsgiapp")),
            ["Gunicorn"],
            id="a module inside a package",
        ),
        pytest.param(
            Evidence("/usr/bin/python3", ("python", "/opt/gunicorn/app.py")), [], id="a directory's name says nothing"
        ),
        pytest.param(
            Evidence("/usr/bin/python3", ("python", *"abcdefg", "gunicorn")),
            [],
            id="what comes late belongs to the program",
        ),
        pytest.param(
            Evidence(
                "/usr/bin/ruby3.1", ("puma 6.4.0 (tcp://0.0.0.0:9292) [shop]",), frozenset({"libruby-3.1.so.3.1"})
            ),
            ["Ruby", "Puma"],
            id="a server on its language",
        ),
        pytest.param(Evidence("", ("",)), [], id="an empty command line"),
    ],
)
def test_recognition(evidence: Evidence, expected: list[str]) -> None:
    assert names(evidence) == expected


@pytest.mark.parametrize(
    ("executable", "number", "expected"),
    [
        pytest.param("node", USR1, "Node.js", id="Node opens its debugger on SIGUSR1"),
        pytest.param("node", USR2, None, id="Node leaves SIGUSR2 to the program"),
        pytest.param("java", USR2, "Java", id="Java suspends threads with SIGUSR2"),
        pytest.param("java", QUIT, "Java", id="Java dumps its threads on SIGQUIT and lives"),
        pytest.param("java", HUP, None, id="Java runs its shutdown hooks on SIGHUP: that is what ending is for"),
        pytest.param("java", USR1, None, id="Java leaves SIGUSR1 to the program"),
        pytest.param("beam.smp", USR1, "Erlang/Elixir", id="the BEAM writes a crash dump on SIGUSR1"),
        pytest.param("nginx", HUP, "nginx", id="nginx reloads on SIGHUP"),
        pytest.param("systemd", signal.SIGRTMIN + 5, "systemd", id="systemd reboots on a real-time signal"),
        pytest.param("postgres", USR1, "PostgreSQL", id="PostgreSQL's processes wake each other with SIGUSR1"),
        pytest.param("python3", USR1, None, id="a Python program's SIGUSR1 is its own"),
    ],
)
def test_what_is_kept(executable: str, number: int, expected: str | None) -> None:
    found = kept(Evidence(f"/usr/bin/{executable}"), number)
    assert (None if found is None else found.runtime) == expected


def test_the_reason_is_told() -> None:
    assert kept(Evidence("/usr/bin/node"), USR1) == Kept("Node.js", "opens the debugger's port")


def test_no_row_keeps_a_signal_that_is_sent_without_a_look_at_the_runtime() -> None:
    assert {runtime.name for runtime in RUNTIMES if not CERTAIN.isdisjoint(runtime.keeps)} == set()


def test_every_row_can_be_recognised_and_keeps_something() -> None:
    for runtime in RUNTIMES:
        assert runtime.keeps, runtime.name
        assert runtime.executables or runtime.libraries or runtime.words or runtime.marks, runtime.name
    assert len({runtime.name for runtime in RUNTIMES}) == len(RUNTIMES)
