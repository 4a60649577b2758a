"""Which libraries have thread pools of their own, and how are they told how many? Before they load, and afterwards.

Before: by environment variables, which each reads once. Afterwards: threadpoolctl for BLAS and OpenMP, where it is
installed, and the functions of libraries that have one. Only what the program has imported is called.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Read by the library once, when it loads. Sources: the manuals of OpenMP, OpenBLAS, MKL, BLIS, numexpr, rayon, polars.
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "NUMEXPR_MAX_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip
# Module, the function that sets the number, the one that tells it (`name`: an attribute or a call without arguments).
SETTERS = (
    ("torch", "set_num_threads", "get_num_threads"),
    ("numexpr", "set_num_threads", "get_num_threads"),
    ("numba", "set_num_threads", "get_num_threads"),
    ("pyarrow", "set_cpu_count", "cpu_count"),
    ("pyarrow", "set_io_thread_count", "io_thread_count"),
    ("cv2", "setNumThreads", "getNumThreads"),
    ("mkl", "set_num_threads", "get_max_threads"),
)
FIXED = (("polars", "thread_pool_size"),)  # cannot be changed once loaded
CARRIERS = ("numpy", "scipy", "sklearn", "torch")  # with one of these loaded, there may be pools of BLAS or OpenMP


class Pool:
    """One library's pool: how many threads it may have now, and why that is not what was asked for."""

    __slots__ = ("name", "threads", "why")

    def __init__(self, name: str, threads: int | None, why: str = "") -> None:
        self.name, self.threads, self.why = name, threads, why


def set_environment(most: int, environment: Any = os.environ) -> dict[str, str | None]:
    """Have libraries that load later start with at most that many; what was there, for who undoes it.

    A lower number that somebody has set stays, and so does what is no number (`OMP_NUM_THREADS=2,1`).
    """
    before: dict[str, str | None] = {}
    for name in VARIABLES:
        found = environment.get(name)
        if not found or (found.strip().isdigit() and not 0 < int(found) <= most):
            before[name] = found
            environment[name] = str(most)
    return before


def limit_loaded(most: int) -> list[Pool]:
    """Tell every library that is loaded; each with what it has now."""
    pools = [*_controlled(most)]
    for module, setter, getter in SETTERS:
        loaded = sys.modules.get(module)
        if loaded is not None and hasattr(loaded, setter):
            pools.append(_limit(module if "io" not in setter else f"{module}-io", loaded, setter, getter, most))
    for module, getter in FIXED:
        loaded = sys.modules.get(module)
        if loaded is not None:
            now = _count(loaded, getter)
            too_many = now is None or now > most
            why = f"{module} takes no other number once it is loaded: call limit_threads before" if too_many else ""
            pools.append(Pool(module, now, why))
    return pools


def _controlled(most: int) -> list[Pool]:
    """Pools of BLAS and OpenMP. threadpoolctl finds them among the libraries mapped; imported when one is there."""
    carrier = next((name for name in CARRIERS if name in sys.modules), None)
    if carrier is None:
        return []
    try:
        threadpoolctl: Any = import_module("threadpoolctl")
    except ImportError:
        return [Pool("blas", None, f"{carrier} was loaded before, and threadpoolctl is not installed")]
    try:
        controller = threadpoolctl.ThreadpoolController()
        for library in controller.lib_controllers:
            now = library.num_threads
            if now is None or now > most:
                library.set_num_threads(most)
        return [_found(info, most) for info in controller.info()]
    except Exception as fault:  # noqa: BLE001 - it looks into libraries of strangers
        return [Pool("blas", None, f"threadpoolctl: {type(fault).__name__}: {fault}")]


def _found(info: dict[str, Any], most: int) -> Pool:
    threads = info.get("num_threads")
    why = "" if threads is not None and threads <= most else "it did not take the number"
    return Pool(str(info.get("internal_api")), threads, why)


def _limit(name: str, loaded: Any, setter: str, getter: str, most: int) -> Pool:
    try:
        now = _count(loaded, getter)
        if now is None or now > most:
            getattr(loaded, setter)(most)
            now = _count(loaded, getter)
    except Exception as fault:  # noqa: BLE001 - a library of strangers
        return Pool(name, _count(loaded, getter), f"{type(fault).__name__}: {fault}")
    return Pool(name, now, "" if now is not None and now <= most else "it did not take the number")


def _count(loaded: Any, getter: str) -> int | None:
    found: int | Callable[[], Any] | None = getattr(loaded, getter, None)
    try:
        value = found() if callable(found) else found
        return None if value is None else int(value)
    except Exception:  # noqa: BLE001 - a library of strangers
        return None
