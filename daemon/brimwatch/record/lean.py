"""How is prometheus_client loaded without its own web server?

Its package imports `exposition`, and that http.server, wsgiref, urllib.request and the email parsers: figures are
rendered and served by us. Whoever asks the package for one of those names later gets it all the same.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

PACKAGE = "prometheus_client"
LEFT_OUT = f"{PACKAGE}.exposition"


def load_prometheus() -> None:
    """Import the types and the registry alone, where nobody has imported the whole of it."""
    if PACKAGE in sys.modules:
        return
    stub = ModuleType(LEFT_OUT)
    asked: list[str] = []

    def note(name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)
        asked.append(name)

    vars(stub)["__getattr__"] = note
    sys.modules[LEFT_OUT] = stub
    try:
        package = importlib.import_module(PACKAGE)
    finally:
        del sys.modules[LEFT_OUT]
    for name in ("exposition", *asked):
        vars(package).pop(name, None)
    vars(package)["__getattr__"] = _whole


def _whole(name: str) -> object:
    """What was left out, imported now."""
    if name.startswith("__"):
        raise AttributeError(name)
    whole = importlib.import_module(LEFT_OUT)
    return whole if name == "exposition" else getattr(whole, name)
