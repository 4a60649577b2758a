"""A small API server for pods, on loopback: real sockets, the real protocol, and each of its ways to fail.

It lists (from its cache, or what is certain and in chunks) and watches (events, bookmarks, the end after
`timeoutSeconds`, 410 for a version that it has forgotten), as Kubernetes' API Concepts describe it. Objects have the
fields that a kubelet and an API server fill in; what they refuse comes as a Status object.
"""

import base64
import copy
import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.runtime.api_objects import NODE, pod_object, status_object

__all__ = ["NODE", "TOKEN", "ApiServer", "pod_object"]

TOKEN = "the-token"
Refusal = tuple[int, str, dict[str, str]]  # status, message, headers


class ApiServer:
    """The state of a cluster and the doors to it. `asked` is every query that came, in order."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[dict[str, str]] = []
        self.tokens = {TOKEN}
        self.refusals: list[Refusal] = []  # each is the answer to one question
        self.chunks_cache = False  # whether it makes chunks of what comes from its cache: new servers do
        self.expired_in_watch = False  # tells of a forgotten version in the watch, and not by its status
        self.raw_event: bytes | None = None  # sent at the beginning of each watch
        self.changed = threading.Condition()
        self.watches = 0
        self._version = 1000
        self._oldest = 0
        self._pods: dict[str, dict[str, Any]] = {}
        self._events: list[tuple[int, dict[str, Any]]] = []
        self._bookmarks = 0
        self._port = port
        self._http: ThreadingHTTPServer | None = None
        self._connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    def start(self, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain) -> "ApiServer":
        """Listen; again on the same port after `stop`. `wrap` puts TLS around the listening socket."""
        server = self

        class Handler(_Handler):
            cluster = server

        class Http(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A connection that its client has closed is no error."""

        self._http = Http(("127.0.0.1", self._port), Handler)
        self._http.socket = wrap(self._http.socket)
        self._port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Die: nobody listens, every connection is gone."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None
        self.drop()

    def drop(self) -> None:
        """Break every open connection off."""
        with self.changed:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed meanwhile

    def put(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Add or change a pod."""
        with self.changed:
            kind = "MODIFIED" if pod["metadata"]["uid"] in self._pods else "ADDED"
            return self._happen(kind, copy.deepcopy(pod))

    def delete(self, pod: dict[str, Any]) -> None:
        """Remove a pod."""
        with self.changed:
            self._happen("DELETED", copy.deepcopy(pod))

    def bookmark(self) -> str:
        """Have every watch sent a bookmark, of a version that no pod has; that version."""
        with self.changed:
            self._version += 50
            self._bookmarks += 1
            self.changed.notify_all()
            return str(self._version)

    def compact(self) -> None:
        """Forget every event until now."""
        with self.changed:
            self._version += 1
            self._oldest = self._version
            self._events.clear()

    def _happen(self, kind: str, pod: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        pod["metadata"]["resourceVersion"] = str(self._version)
        if kind == "DELETED":
            del self._pods[pod["metadata"]["uid"]]
        else:
            self._pods[pod["metadata"]["uid"]] = pod
        self._events.append((self._version, {"type": kind, "object": {"kind": "Pod", "apiVersion": "v1", **pod}}))
        self.changed.notify_all()
        return pod


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: ApiServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        with self.cluster.changed:
            self.cluster._connections.add(self.connection)

    def finish(self) -> None:
        with self.cluster.changed:
            self.cluster._connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        cluster = self.cluster
        with cluster.changed:
            cluster.asked.append(query)
            refusal = cluster.refusals.pop(0) if cluster.refusals else None
        if refusal is not None:
            self._refuse(*refusal)
        elif self.headers.get("Authorization", "").removeprefix("Bearer ") not in cluster.tokens:
            self._refuse(401, "Unauthorized", {})
        elif parts.path != "/api/v1/pods":
            self._refuse(404, "the server could not find the requested resource", {})
        elif query.get("watch") in ("1", "true"):
            self._watch(query)
        else:
            self._list(query)

    def _list(self, query: dict[str, str]) -> None:
        cluster = self.cluster
        limit = int(query.get("limit", "0"))
        if query.get("resourceVersion") == "0" and not cluster.chunks_cache:
            limit = 0
        with cluster.changed:
            version, begin = cluster._version, ""
            if "continue" in query:
                version, begin = json.loads(base64.b64decode(query["continue"]))
                if version < cluster._oldest:
                    self._refuse(410, "The provided continue parameter is too old", {}, "Expired")
                    return
            pods = sorted(self._mine(query), key=lambda pod: str(pod["metadata"]["uid"]))
            left = [pod for pod in pods if pod["metadata"]["uid"] > begin]
            page = left[:limit] if limit else left
            metadata: dict[str, Any] = {"resourceVersion": str(version)}
            if len(page) < len(left):
                following = json.dumps([version, page[-1]["metadata"]["uid"]]).encode()
                metadata["continue"] = base64.b64encode(following).decode()
                metadata["remainingItemCount"] = len(left) - len(page)
            body = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": page}
            text = json.dumps(body).encode() + b"\n"
        self._answer(200, text, {})

    def _mine(self, query: dict[str, str]) -> list[dict[str, Any]]:
        field, _, node = query.get("fieldSelector", "").partition("=")
        assert field in ("", "spec.nodeName"), f"no index for the field {field}"
        return [pod for pod in self.cluster._pods.values() if not field or pod["spec"]["nodeName"] == node]

    def _watch(self, query: dict[str, str]) -> None:
        cluster = self.cluster
        since = int(query["resourceVersion"])
        if since < cluster._oldest and not cluster.expired_in_watch:
            self._refuse(410, f"too old resource version: {since} ({cluster._oldest})", {}, "Expired")
            return
        with cluster.changed:
            cluster.watches += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if cluster.raw_event is not None:
            self._chunk(cluster.raw_event)
        if since < cluster._oldest:
            self._event(
                "ERROR", status_object(410, f"too old resource version: {since} ({cluster._oldest})", "Expired")
            )
        else:
            self._follow(query, since, time.monotonic() + float(query.get("timeoutSeconds", "1800")))
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _follow(self, query: dict[str, str], since: int, until: float) -> None:
        cluster = self.cluster
        node = query.get("fieldSelector", "").partition("=")[2]
        with cluster.changed:
            marks = cluster._bookmarks
        while time.monotonic() < until and cluster._http is not None:
            with cluster.changed:
                events = [event for version, event in cluster._events if version > since]
                since = max([since, *(version for version, _ in cluster._events)])
                marked, marks = cluster._bookmarks > marks, cluster._bookmarks
                version = cluster._version
                if not events and not marked:
                    cluster.changed.wait(0.05)
            for event in events:
                if event["object"]["spec"]["nodeName"] == node:
                    self._chunk(json.dumps(event).encode() + b"\n")
            if marked and query.get("allowWatchBookmarks") == "true":
                metadata = {"resourceVersion": str(version), "creationTimestamp": None}
                self._event(
                    "BOOKMARK",
                    {
                        "kind": "Pod",
                        "apiVersion": "v1",
                        "metadata": metadata,
                        "spec": {"containers": None},
                        "status": {},
                    },
                )

    def _event(self, kind: str, found: dict[str, Any]) -> None:
        self._chunk(json.dumps({"type": kind, "object": found}).encode() + b"\n")

    def _chunk(self, data: bytes) -> None:
        """In two pieces: an event need not come in one."""
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            if piece:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()

    def _refuse(self, code: int, message: str, headers: dict[str, str], reason: str = "") -> None:
        self._answer(code, json.dumps(status_object(code, message, reason)).encode(), headers)

    def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
