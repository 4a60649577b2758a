"""Which configuration comes with the program? The YAML files of this package."""

from __future__ import annotations

import pkgutil

PRESETS = "presets.yaml"
DEFAULT = "default.yaml"
DEFAULT_SOURCE = "embedded default"


def embedded(name: str) -> bytes:
    """The bytes of a YAML file of this package. Raises FileNotFoundError where the installation lacks it."""
    content = pkgutil.get_data(__package__, name)
    if content is None:
        raise FileNotFoundError(name)
    return content
