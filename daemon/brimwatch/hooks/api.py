"""What does a program call? Everything `from brimwatch import hooks` offers, each a few lines.

Nothing here raises for what happens at run time; a wrong argument raises ValueError at once, where it was written.
Importing this loads nothing but `os` and `sys`: the agent's own modules come with the first call that needs them.
"""

from __future__ import annotations

from brimwatch.hooks.clearing import Clearing, name_of
from brimwatch.hooks.modules import UNLOADABLE
from brimwatch.hooks.registry import DEFAULT, Hook, Registry, check_group, check_name, check_order, check_tier
from brimwatch.hooks.settings import SETTINGS
from brimwatch.hooks.wire import BY_HAND, BY_SIGNAL, DEADLINE_SECONDS, bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from brimwatch.hooks.installation import Installation
    from brimwatch.hooks.mounted.endpoints import Endpoints
    from brimwatch.hooks.state import State

    Function = TypeVar("Function", bound=Callable[..., Any])

REGISTRY = Registry()
_made: dict[str, Any] = {}


def install(
    run_dir: str | None = None,
    signal: int | None = None,
    run_on: Any = "agent",
    thresholds: Mapping[str, int | str] | None = None,
) -> bool:
    """Have an agent in this process: one daemon thread and one socket. Called again, it changes what is given.

    `run_dir`: a directory to use alone. `signal`: a signal that nobody handles; hooks with `run_on="main"` are run by
    its handler, and sent from outside it is a reclaim at `critical`. `run_on`: where hooks run that do not say:
    `"agent"`, `"main"` or an asyncio loop. `thresholds`: tier to resident bytes, or to a percentage of the limit such
    as `"70%"`, by which the process judges itself while no daemon speaks. False where no agent could be had:
    `status()["agent"]` says why. Raises ValueError for arguments that cannot be.
    """
    from brimwatch.hooks.thresholds import resolve

    check_run_on(run_on)
    found = _installation()
    if run_dir is not None:
        if not isinstance(run_dir, str) or not run_dir.startswith("/"):
            raise ValueError(f"hooks.install: found run_dir {run_dir!r:.80}, wanted an absolute path")
        found.state.run_dir = run_dir
    if thresholds is not None:
        found.state.judgement.thresholds = resolve(thresholds, found.state.limit())
    found.state.run_on = run_on
    installed = found.install()
    if signal is not None and installed:
        refused = found.state.main.take(signal, lambda: reclaim("critical", reason=BY_SIGNAL))
        found.state.main.why = refused
    return installed


def uninstall() -> None:
    """End the agent and remove its socket. Hooks stay registered, and can be run by hand."""
    if "installation" in _made:
        _made["installation"].uninstall()


def on(
    tier: str, name: str | None = None, order: int = DEFAULT, run_on: Any = None, group: str | None = None
) -> Callable[[Function], Function]:
    """Decorator: run this function at `tier` and every higher one. It is called with a request.

    It may return the bytes that it knows it freed. Lower `order` runs first; the built-in hooks have 20, 70, 90 and
    100. Hooks of one `group` can be asked for together over HTTP. At most 64 hooks: one more is not registered, and
    counted. Raises ValueError for a tier, name or group that cannot be.
    """
    check_tier(tier)
    check_order(order)
    check_group(group)
    check_run_on(run_on)

    def register_function(function: Function) -> Function:
        if not callable(function):
            raise ValueError(f"hooks.on: found {function!r:.80}, wanted a function")
        named = name if name is not None else getattr(function, "__name__", "")
        REGISTRY.add(Hook(named, tier, function, order, run_on, group=group))
        return function

    return register_function


def off(name: str) -> bool:
    """Forget a hook; False where there is none of that name."""
    return REGISTRY.discard(name)


def on_tier(callback: Callable[[str], Any]) -> Callable[[str], Any]:
    """Call this with the tier's name each time it changes, on a thread of ours. Also a decorator.

    At most 64 functions: one more is not told, and counted. Raises ValueError for what is no function.
    """
    if not callable(callback):
        raise ValueError(f"hooks.on_tier: found {callback!r:.80}, wanted a function of one argument")
    REGISTRY.subscribe(callback)
    return callback


def register(
    name: str,
    size: Callable[[], Any] | None = None,
    hit_ratio: Callable[[], Any] | None = None,
    info: Callable[[], Any] | None = None,
    function: Callable[..., Any] | None = None,
    tier: str = "warning",
    order: int = DEFAULT,
    run_on: Any = None,
    group: str | None = None,
) -> None:
    """Report figures under a hook's name, and with `function` have the hook as well.

    `size()`: bytes held; `hit_ratio()`: 0 to 1; `info()`: at most eight named numbers. They are called on a thread of
    ours, so they have to be safe there. Raises ValueError for arguments that cannot be.
    """
    check_name(name)
    check_tier(tier)
    check_order(order)
    check_group(group)
    check_run_on(run_on)
    for key, value in (("size", size), ("hit_ratio", hit_ratio), ("info", info), ("function", function)):
        if value is not None and not callable(value):
            raise ValueError(f"hooks.register: found {key}={value!r:.80}, wanted a function")
    known = REGISTRY.hooks.get(name)
    if function is None and known is not None:
        known.size, known.hit_ratio, known.info = size, hit_ratio, info
        known.group = known.group if group is None else group
    else:
        REGISTRY.add(Hook(name, tier, function, order, run_on, size, hit_ratio, info, group))


def clear(
    *caches: Any, tier: str = "critical", name: str | None = None, order: int = DEFAULT, group: str | None = None
) -> None:
    """Have caches emptied at `tier`: functions under `functools.cache`, dicts, or their names as `'module:name'`.

    A name is looked up when the hook runs and never imported. Raises ValueError for what cannot be emptied.
    """
    clearing = Clearing(caches)
    hook = Hook(name or bounded(name_of(caches[0]), 64), tier, clearing.clear, order, group=group)
    hook.hit_ratio, hook.info = clearing.hit_ratio, clearing.info
    REGISTRY.add(hook)


def may_go(*names: str) -> None:
    """Let the hook `modules` unload these in an emergency; pure Python ones only, imported again when needed."""
    UNLOADABLE.add(*names)


def reclaim(
    tier: str = "critical",
    names: tuple[str, ...] | list[str] | None = None,
    needed_bytes: int | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
    reason: str = BY_HAND,
) -> dict[str, Any]:
    """Run the hooks now, on this thread, with or without a daemon; returns what became of each.

    While another round runs (a hook that calls this, say) the answer is `{"error": "busy", ...}`. Raises ValueError for
    a tier or name that cannot be.
    """
    from brimwatch.hooks.request import Request
    from brimwatch.hooks.round import busy

    check_tier(tier)
    for name in names or ():
        check_name(name)
    state = _state()
    request = Request(tier, deadline_seconds, needed_bytes, None, bounded(reason, 64), names is not None)
    begun = state.round(request, None if names is None else tuple(names))
    if begun is None:
        return busy(state.turn.holder())
    begun.run(state.turn)
    return begun.account()


def status() -> dict[str, Any]:
    """Sizes, tier, hooks and caches of this process, and whether it has an agent."""
    from brimwatch.hooks.stats import described

    installation = _installation()
    state = installation.state
    if not state.aside.busy:
        state.figures.refresh(state.registry)
    return described(state, installation.standing)


def configure(level: str | None = None, **settings: float) -> dict[str, float]:
    """Set the defaults of the building blocks, by level and one by one; returns what is in force.

    Raises ValueError for a level or setting that there is not.
    """
    return SETTINGS.configure(level, settings)


def wsgi(
    app: Callable[..., Any],
    prefix: str = "/memory",
    token_file: str | None = None,
    *,
    local: bool = False,
    open_stats: bool = False,
) -> Callable[..., Any]:
    """The WSGI application with the endpoints of docs/hooks.md under `prefix`; all else goes to it untouched.

    Who posts, or asks from elsewhere, needs the token in `token_file` (without it, in the file that
    `BRIMWATCH_TOKEN_FILE` names). `local`: requests of this machine may post without; not behind a proxy on it.
    `open_stats`: everybody may look. Raises ValueError for arguments that cannot be. Source: PEP 3333.
    """
    from brimwatch.hooks.mounted.wsgi import Mounted

    _check_app("wsgi", app)
    return Mounted(app, _endpoints(prefix, token_file, local, open_stats))


def asgi(
    app: Callable[..., Any],
    prefix: str = "/memory",
    token_file: str | None = None,
    *,
    local: bool = False,
    open_stats: bool = False,
) -> Callable[..., Any]:
    """The same for an ASGI application under an asyncio server. Hooks run beside its loop. Source: ASGI 3."""
    from brimwatch.hooks.mounted.asgi import Mounted

    _check_app("asgi", app)
    return Mounted(app, _endpoints(prefix, token_file, local, open_stats))


def _endpoints(prefix: str, token_file: str | None, local: bool, open_stats: bool) -> Endpoints:
    from brimwatch.hooks.mounted.access import Access
    from brimwatch.hooks.mounted.endpoints import Endpoints

    found = Endpoints(_installation(), prefix, Access(token_file, local, open_stats))
    _installation().mind_forks()
    return found


def _check_app(call: str, app: Any) -> None:
    if not callable(app):
        raise ValueError(f"hooks.{call}: found the application {app!r:.80}, wanted something that can be called")


def check_run_on(run_on: Any) -> None:
    """Raise ValueError unless hooks can run there."""
    if run_on not in (None, "agent", "main") and not hasattr(run_on, "call_soon_threadsafe"):
        raise ValueError(f"hooks: found run_on={run_on!r:.80}, wanted 'agent', 'main' or an asyncio event loop")


def _state() -> State:
    return _installation().state


def _installation() -> Installation:
    if "installation" not in _made:
        from brimwatch.hooks.installation import Installation
        from brimwatch.hooks.state import State

        _made["installation"] = Installation(State(REGISTRY))
    found: Installation = _made["installation"]
    return found
