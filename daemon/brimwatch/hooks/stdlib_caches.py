"""`stdlib-caches`: which caches of the standard library may be emptied at any time? Those named here, and no other.

Only what is made again by itself stands here, and only modules that are loaded are touched. What programs compare by
identity (time zones, `mimetypes`, translations) or register by hand is left alone.
"""

from __future__ import annotations

import operator
import sys

from brimwatch.hooks.process import rss
from brimwatch.hooks.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Module, and the function of it that empties a cache.
CLEARED = (
    ("re", "purge"),
    ("struct", "_clearcache"),
    ("urllib.parse", "clear_cache"),
    ("filecmp", "clear_cache"),
    ("fnmatch", "_compile_pattern.cache_clear"),
    ("glob", "_compile_pattern.cache_clear"),
    ("tokenize", "_compile.cache_clear"),
    ("fractions", "_hash_algorithm.cache_clear"),
    ("importlib.metadata", "FastPath.__new__.cache_clear"),
    ("inspect", "_shadowed_dict_from_weakref_mro_tuple.cache_clear"),
    ("xml.etree.ElementPath", "_cache.clear"),
    ("_strptime", "_regex_cache.clear"),
    ("sys", "_clear_internal_caches"),
)


def clear_stdlib_caches(_request: Request) -> int | None:
    """The hook: bytes by which the resident set fell."""
    before = rss()
    for module, name in CLEARED:
        _call(module, name)
    typing = sys.modules.get("typing")
    for cleanup in list(getattr(typing, "_cleanups", ())):
        cleanup()
    _clear_source_lines()
    after = rss()
    return None if before is None or after is None else max(0, before - after)


def _call(module: str, name: str) -> None:
    loaded = sys.modules.get(module)
    if loaded is None:
        return
    try:
        function: Callable[[], Any] = operator.attrgetter(name)(loaded)
    except AttributeError:  # this version has it under another name, or has none
        return
    function()


def _clear_source_lines() -> None:
    """Lines of files are read again; those that somebody put there for code without a file could not be."""
    linecache = sys.modules.get("linecache")
    cache = getattr(linecache, "cache", {})
    for name, entry in list(cache.items()):
        if len(entry) == 4 and entry[1] is not None:
            cache.pop(name, None)
