"""Who answers connections in the build with the blocks? The workers of the process's one executor, and nobody else."""

from concurrent.futures import Executor
from typing import Any

from werkzeug.serving import BaseWSGIServer


class PooledServer(BaseWSGIServer):
    """One connection after the other is accepted, and answered by the next worker that is free."""

    multithread = True

    def __init__(self, port: int, app: Any, workers: Executor) -> None:
        super().__init__("127.0.0.1", port, app)
        self._workers = workers

    def process_request(self, request: Any, client_address: Any) -> None:
        self._workers.submit(self._answer, request, client_address)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - of one connection; told, and the next one is answered
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
