"""What do the tests of the mount share? Endpoints over hooks of a test's own, and requests without a server."""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from brimwatch.hooks.installation import Installation
from brimwatch.hooks.mounted.access import Access
from brimwatch.hooks.mounted.endpoints import Endpoints
from brimwatch.hooks.mounted.wsgi import Mounted
from brimwatch.hooks.registry import Hook, Registry
from brimwatch.hooks.state import State

TOKEN = "a-token-of-more-than-16-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


def token_file(tmp_path: Path, token: str = TOKEN) -> str:
    path = tmp_path / "token"
    path.write_text(token + "\n")
    return str(path)


def endpoints(hooks: list[Hook] = [], prefix: str = "/memory", **access: Any) -> Endpoints:  # noqa: B006 - never changed
    registry = Registry()
    for hook in hooks:
        registry.add(hook)
    return Endpoints(Installation(State(registry)), prefix, Access(**{"local": True, **access}))


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """What is mounted: says where it was asked."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ.get('SCRIPT_NAME', '')}|{environ['PATH_INFO']}".encode()]


def mount(hooks: list[Hook] = [], app: Any = application, **options: Any) -> Mounted:  # noqa: B006 - never changed
    return Mounted(app, endpoints(hooks, **options))


def ask(mounted: Any, method: str, path: str, body: bytes | object = b"", **environ: Any) -> Reply:
    """One request of this machine, as a server would hand it over; `environ` adds to it, None takes away."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path, _, query = path.partition("?")
    asked = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "CONTENT_TYPE": "application/json" if content else "",
        "CONTENT_LENGTH": str(len(content)) if content else "",
        "wsgi.input": io.BytesIO(content),
        **environ,
    }
    told: list[Any] = []
    said = mounted({key: value for key, value in asked.items() if value is not None}, lambda *start: told.extend(start))
    return Reply(int(told[0].split(" ")[0]), dict(told[1]), b"".join(said))
