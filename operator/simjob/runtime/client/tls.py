"""A TLS context that reloads its files when they change: a cluster rotates its CA, and client certificates expire."""

import logging
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from kubernetes.aio import client
from kubernetes.aio.client.rest import RESTClientObject

# Seconds between two checks of the files, unless a handshake has failed.
_INTERVAL: Final = 10.0

_log: Final = logging.getLogger(__name__)


class _File(NamedTuple):
    path: str
    inode: int
    changed: int
    size: int


class Tls:
    """The TLS context for new connections. Open connections keep theirs, and close after a minute without a request."""

    def __init__(self, configuration: client.Configuration, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the files; raise OSError or ssl.SSLError if one is missing or invalid."""
        self._configuration = configuration
        self._monotonic = monotonic
        self._made_of = self._files()
        self._looked_at = monotonic()
        self.context: ssl.SSLContext = RESTClientObject(configuration).ssl_context

    @property
    def server_name(self) -> str | None:
        """Return the host name that the API server's certificate must contain, if it differs from the address."""
        return self._configuration.tls_server_name or None

    def follow(self, *, at_once: bool = False) -> bool:
        """Reload the context if a file has changed, and return whether it has.

        Check the files at most every ten seconds, or now if `at_once`.
        """
        now = self._monotonic()
        if not at_once and now - self._looked_at < _INTERVAL:
            return False
        self._looked_at = now
        files = self._files()
        if files == self._made_of:
            return False
        try:
            self.context = RESTClientObject(self._configuration).ssl_context
        except (OSError, ssl.SSLError) as trouble:
            # Perhaps a file is half written; the next check tries again.
            _log.warning("cannot reload the TLS files", extra={"why": str(trouble)})
            return False
        self._made_of = files
        _log.info("reloaded the TLS files", extra={"files": [file.path for file in files]})
        return True

    def _files(self) -> tuple[_File, ...]:
        configuration = self._configuration
        paths = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
        return tuple(_file(path) for path in paths if path)


def _file(path: str) -> _File:
    try:
        found = Path(path).stat()
    except OSError:
        return _File(path, 0, 0, 0)
    return _File(path, found.st_ino, found.st_mtime_ns, found.st_size)
