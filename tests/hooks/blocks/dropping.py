"""How does a test ask for one lazy object to be dropped? By name, in a round of hooks."""

from typing import Any

from brimwatch import hooks


def outcome(lazy: Any, tier: str = "emergency", named: bool = True) -> tuple[str, str | None, str]:
    """What a round makes of its hook."""
    name = lazy.__lazy__.name
    (found,) = [one for one in hooks.reclaim(tier, names=[name] if named else None)["hooks"] if one["name"] == name]
    return found["outcome"], found["reason"], found["detail"]
