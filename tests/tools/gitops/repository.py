"""Git repositories that tools pull from: served by `git http-backend` on loopback."""

import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

_WHO = ("-c", "user.name=anna", "-c", "user.email=anna@simulations.example")


class Repository:
    """A repository with the branch `main`, and what is committed to it."""

    def __init__(self, folder: Path, name: str, server: str) -> None:
        self.url = f"{server}/{name}.git"
        self._bare = folder / f"{name}.git"
        self._tree = folder / f"{name}.tree"
        self._tree.mkdir(parents=True)
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self._bare))

    def commit(self, files: Mapping[str, Any]) -> str:
        """Commit objects by path, as the whole content of the repository; return the commit's hash."""
        for path in [path for path in self._tree.rglob("*") if path.is_file()]:
            path.unlink()
        for name, item in files.items():
            path = self._tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(item if isinstance(item, str) else yaml.safe_dump(item))
        place = (f"--git-dir={self._bare}", f"--work-tree={self._tree}")
        self._git(*place, "add", "--all")
        self._git(*place, *_WHO, "commit", "--quiet", "--allow-empty", "--message=Change the sweeps")
        return self._git(*place, "rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self._tree, capture_output=True, text=True, check=True).stdout


class GitServer:
    """Serves the repositories of a folder until `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        handler = type("Handler", (_Handler,), {"folder": folder})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def repository(self, name: str) -> Repository:
        """Make a repository."""
        return Repository(self._folder, name, f"http://127.0.0.1:{self._server.server_port}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to git: https://git-scm.com/docs/git-http-backend."""

    folder: Path

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(content)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        answer = subprocess.run(
            ["git", "http-backend"], input=content, env=environment, capture_output=True, check=False
        ).stdout
        head, _, body = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
