"""How does a program give memory back when it is asked? `from brimwatch import hooks`, then `hooks.install()`.

Standard library only, Python 3.9 and newer; imports nothing else of the package. See docs/hooks.md.
"""

from __future__ import annotations

from brimwatch.hooks.api import (
    asgi,
    clear,
    configure,
    install,
    may_go,
    off,
    on,
    on_tier,
    reclaim,
    register,
    status,
    uninstall,
    wsgi,
)
from brimwatch.hooks.request import Request, Skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from brimwatch.hooks.adaptive_batcher import AdaptiveBatcher
    from brimwatch.hooks.circuit_breaker import CircuitBreaker, CircuitOpen
    from brimwatch.hooks.gc_tuning import tune_gc
    from brimwatch.hooks.guarding import MemoryRefused, memory_guard
    from brimwatch.hooks.instance import AlreadyRunning, single_instance
    from brimwatch.hooks.lazy_module import LazyModule
    from brimwatch.hooks.leak_detector import LeakDetector
    from brimwatch.hooks.priority_cache import PriorityCache
    from brimwatch.hooks.services import BackgroundServices
    from brimwatch.hooks.session_pool import SessionPool
    from brimwatch.hooks.streaming import ChunkTooLarge, stream_chunks
    from brimwatch.hooks.thread_limits import limit_threads
    from brimwatch.hooks.vector_store import VectorStore

# The building blocks, and the module of each: loaded when it is named, since few programs need more than one or two.
_BLOCKS: dict[str, str] = {
    "AdaptiveBatcher": "brimwatch.hooks.adaptive_batcher",
    "AlreadyRunning": "brimwatch.hooks.instance",
    "BackgroundServices": "brimwatch.hooks.services",
    "ChunkTooLarge": "brimwatch.hooks.streaming",
    "CircuitBreaker": "brimwatch.hooks.circuit_breaker",
    "CircuitOpen": "brimwatch.hooks.circuit_breaker",
    "LazyModule": "brimwatch.hooks.lazy_module",
    "LeakDetector": "brimwatch.hooks.leak_detector",
    "limit_threads": "brimwatch.hooks.thread_limits",
    "memory_guard": "brimwatch.hooks.guarding",
    "MemoryRefused": "brimwatch.hooks.guarding",
    "PriorityCache": "brimwatch.hooks.priority_cache",
    "SessionPool": "brimwatch.hooks.session_pool",
    "single_instance": "brimwatch.hooks.instance",
    "stream_chunks": "brimwatch.hooks.streaming",
    "tune_gc": "brimwatch.hooks.gc_tuning",
    "VectorStore": "brimwatch.hooks.vector_store",
}

__all__ = [
    "AdaptiveBatcher",
    "AlreadyRunning",
    "BackgroundServices",
    "ChunkTooLarge",
    "CircuitBreaker",
    "CircuitOpen",
    "LazyModule",
    "LeakDetector",
    "MemoryRefused",
    "PriorityCache",
    "Request",
    "SessionPool",
    "Skip",
    "VectorStore",
    "asgi",
    "clear",
    "configure",
    "install",
    "limit_threads",
    "may_go",
    "memory_guard",
    "off",
    "on",
    "on_tier",
    "reclaim",
    "register",
    "single_instance",
    "status",
    "stream_chunks",
    "tune_gc",
    "uninstall",
    "wsgi",
]


def __getattr__(name: str) -> Any:
    """A building block, loaded when it is named. Source: PEP 562."""
    module = _BLOCKS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    block = getattr(import_module(module), name)
    globals()[name] = block
    return block


def __dir__() -> list[str]:
    return sorted({*globals(), *_BLOCKS})
