"""Which hooks does every process have? Four, in the order in which losing something costs least."""

from __future__ import annotations

from brimwatch.hooks.registry import CACHES, COLLECT, MODULES, TRIM, Hook, Registry


def add_builtin(registry: Registry) -> None:
    """Register those that are not there; a program's own hook of such a name stays."""
    from brimwatch.hooks.collect import collect
    from brimwatch.hooks.modules import UNLOADABLE
    from brimwatch.hooks.stdlib_caches import clear_stdlib_caches
    from brimwatch.hooks.trim import trim

    for hook in (
        Hook("stdlib-caches", "critical", clear_stdlib_caches, CACHES, "agent"),
        Hook("modules", "emergency", UNLOADABLE.drop, MODULES, "agent"),
        Hook("gc", "critical", collect, COLLECT, "agent"),
        Hook("trim", "warning", trim, TRIM, "agent"),
    ):
        if hook.name not in registry.hooks:
            registry.add(hook)
