"""How does the agent get into a program whose code nobody changes? Python imports a module of this name at its start.

This folder is on `PYTHONPATH`, which children inherit. Another `sitecustomize` further along the path is run as well.
The package is taken from where the program would find it, else from beside this file, and `sys.path` stays as it was.
Whatever goes wrong, the program starts; `BRIMWATCH_HOOKS=verbose` says what it was, `BRIMWATCH_HOOKS=off` does nothing.
"""

from __future__ import annotations

import os
import sys

_MARK = "_brimwatch_started"  # in sys.modules: the folders like this one that have had their turn


def _library() -> str:
    """The folder that holds the package: `lib` in an exported folder, else the one that this file is installed in."""
    here = os.path.dirname(os.path.abspath(__file__))
    exported = os.path.join(here, "lib")
    return exported if os.path.isdir(exported) else os.path.dirname(os.path.dirname(os.path.dirname(here)))


def _thresholds() -> dict[str, int | str]:
    """`BRIMWATCH_THRESHOLDS`, such as `warning=70%,critical=900000000`."""
    pairs = [pair.partition("=") for pair in os.environ.get("BRIMWATCH_THRESHOLDS", "").split(",") if pair]
    return {tier.strip(): int(value) if value.isdigit() else value for tier, _, value in pairs}


def _install() -> None:
    try:
        from brimwatch import hooks
    except ImportError:
        library = _library()
        sys.path.append(library)
        try:
            from brimwatch import hooks
        finally:
            sys.path.remove(library)
    hooks.install(thresholds=_thresholds() or None)


def _run_the_next(seen: set[str]) -> None:
    """Run the `sitecustomize` that this one hides, as the interpreter would have; what it raises is its own affair."""
    from importlib.machinery import PathFinder

    rest = [entry for entry in sys.path if os.path.abspath(entry) not in seen]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _main() -> None:
    mark = sys.modules.setdefault(_MARK, type(sys)(_MARK))
    seen: set[str] = mark.__dict__.setdefault("seen", set())
    here = os.path.dirname(os.path.abspath(__file__))
    if here in seen:
        return  # another sitecustomize that looks for the next one has found this one again
    first = not seen
    seen.add(here)
    wanted = os.environ.get("BRIMWATCH_HOOKS", "")
    if first and wanted != "off":
        try:
            _install()
        except Exception as fault:  # noqa: BLE001 - the program has to start
            if wanted == "verbose":
                sys.stderr.write(f"brimwatch: no agent in PID {os.getpid()}: {type(fault).__name__}: {fault}\n")
    _run_the_next(seen)


_main()
