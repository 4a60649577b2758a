"""How large may the building blocks become? Defaults by level, which a program may change one by one."""

from __future__ import annotations

# Level to setting. Sizes are MB (powers of 1000), as the names say.
LEVELS = {
    "basic": {
        "cache_max_size_mb": 80, "cleanup_threshold_mb": 60, "streaming_batch_size": 50, "target_dimensions": 768,
    },
    "standard": {
        "cache_max_size_mb": 40, "cleanup_threshold_mb": 30, "streaming_batch_size": 25, "target_dimensions": 768,
    },
    "aggressive": {
        "cache_max_size_mb": 20, "cleanup_threshold_mb": 15, "streaming_batch_size": 10, "target_dimensions": 384,
    },
}  # fmt: skip
MOST_ITEMS = 1_000_000  # of a batch
_MOST = {
    "cache_max_size_mb": 1e9,
    "cleanup_threshold_mb": 1e9,
    "streaming_batch_size": MOST_ITEMS,
    "target_dimensions": 1e6,
}
_WHOLE = ("streaming_batch_size", "target_dimensions")


class Settings:
    """The settings in force. Blocks read them when they are made, not when they run."""

    def __init__(self) -> None:
        self.level = "standard"
        self.values: dict[str, float] = dict(LEVELS["standard"])

    def configure(self, level: str | None, changes: dict[str, float]) -> dict[str, float]:
        """A level's defaults, then the changes; returns what is in force. Raises ValueError, and changes nothing."""
        chosen = self.level if level is None else level
        if chosen not in LEVELS:
            raise ValueError(f"hooks.configure: found the level {chosen!r:.80}, wanted one of {', '.join(LEVELS)}")
        for key, value in changes.items():
            if key not in LEVELS[chosen]:
                raise ValueError(f"hooks.configure: found {key!r:.80}, wanted one of {', '.join(LEVELS[chosen])}")
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _MOST[key]
            if not number or (key in _WHOLE and value != int(value)):
                wanted = "a whole number" if key in _WHOLE else "a number"
                raise ValueError(
                    f"hooks.configure: found {key}={value!r:.80}, wanted {wanted} above 0, at most {_MOST[key]:.0f}"
                )
        before = self.values if level is None else LEVELS[chosen]
        self.level, self.values = chosen, {**before, **changes}
        return dict(self.values)


SETTINGS = Settings()
