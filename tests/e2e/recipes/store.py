"""A small HTTP store that asks for a token, and is busy whenever a file comes for the first time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "open sesame"


@dataclass(slots=True)
class Store:
    """What was uploaded, by path, and which paths were refused because the store was busy."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    busy: list[str] = field(default_factory=list)

    def put(self, path: str, authorization: str | None, content: bytes) -> HTTPStatus:
        """Keep a file at its second attempt."""
        if authorization != f"Bearer {TOKEN}":
            return HTTPStatus.UNAUTHORIZED
        if path not in self.busy:
            self.busy.append(path)
            return HTTPStatus.SERVICE_UNAVAILABLE
        self.files[path] = content
        return HTTPStatus.CREATED


@contextmanager
def store(host: str) -> Iterator[Store]:
    """Serve a store on an address that pods reach."""
    found = Store()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(found.put(self.path, self.headers["Authorization"], content))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Stay silent."""

    with ThreadingHTTPServer((host, 0), Handler) as server:
        found.address = f"http://{host}:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
