"""An HTTP server on loopback in a thread of its own, for what is notified by POST."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Notified(ABC):
    """Serves while it is entered, below ``path``."""

    def __init__(self, path: str = "/") -> None:
        notified = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, body = notified.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @abstractmethod
    def answer(self, told: Any) -> tuple[int, bytes]:
        """What is answered to a notification: the status and the body."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
