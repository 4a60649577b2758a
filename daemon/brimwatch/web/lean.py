"""How is uvicorn loaded without its command line?

Its package imports the `uvicorn` command, and that click and multiprocessing: 2,459 objects that no server needs,
measured with uvicorn 0.54.0.
"""

from __future__ import annotations

import sys
from types import ModuleType

COMMAND = "uvicorn.main"


def load_uvicorn() -> None:
    """Import uvicorn's server alone, where nobody has imported the whole of it."""
    if "uvicorn" in sys.modules:
        return
    stub = ModuleType(COMMAND)
    vars(stub).update(Server=None, main=None, run=None)
    sys.modules[COMMAND] = stub
    try:
        import uvicorn
        from uvicorn.server import Server
    finally:
        del sys.modules[COMMAND]
    vars(uvicorn)["Server"] = Server
