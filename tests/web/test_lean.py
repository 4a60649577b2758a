"""Is the server loaded without the command line that comes with it?"""

import subprocess
import sys

PROBE = """
import sys
from brimwatch.web.lean import load_uvicorn
load_uvicorn()
load_uvicorn()
import brimwatch.web.serve, uvicorn
print(uvicorn.Server.__module__, {"click", "multiprocessing", "uvicorn.main"} & set(sys.modules))
import uvicorn.main
print(callable(uvicorn.main.run))
"""


def test_uvicorns_server_comes_without_click_and_multiprocessing() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60)
    assert (ended.stdout.splitlines(), ended.stderr) == (["uvicorn.server set()", "True"], "")
