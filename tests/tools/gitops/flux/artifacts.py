"""Commits as Flux's source-controller publishes them: archives, served on loopback, in the status of a source."""

import functools
import hashlib
import io
import tarfile
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from integration.support.client import Object


class Artifacts:
    """Serves archives from a folder until `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, files: Mapping[str, Any]) -> Object:
        """Serve an archive with these objects by path; return the `status.artifact` that describes it."""
        content = archive(files)
        commit = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        name = f"{commit}.tar.gz"
        (self._folder / name).write_bytes(content)
        return {
            "path": name,
            "url": f"http://127.0.0.1:{self._server.server_port}/{name}",
            "revision": f"main@sha1:{commit}",
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "lastUpdateTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "size": len(content),
        }

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def archive(files: Mapping[str, Any]) -> bytes:
    """Pack objects by path."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, item in files.items():
            content = (item if isinstance(item, str) else yaml.safe_dump(item)).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass
