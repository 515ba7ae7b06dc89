"""The TLS context, which follows its files: a cluster rotates its CA, and client certificates expire."""

import logging
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from kubernetes.aio import client
from kubernetes.aio.client.rest import RESTClientObject

# Seconds between two looks at the files, unless a handshake has failed.
_INTERVAL: Final = 10.0

_log: Final = logging.getLogger(__name__)


class _File(NamedTuple):
    path: str
    inode: int
    changed: int
    size: int


class Tls:
    """The context for new connections. Those that are open stay as they are until they are idle for a minute."""

    def __init__(self, configuration: client.Configuration, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the files; OSError or ssl.SSLError if that cannot be done."""
        self._configuration = configuration
        self._monotonic = monotonic
        self._made_of = self._files()
        self._looked_at = monotonic()
        self.context: ssl.SSLContext = RESTClientObject(configuration).ssl_context

    @property
    def server_name(self) -> str | None:
        """The name that the API server's certificate must have, if it is not that of its address."""
        return self._configuration.tls_server_name or None

    def follow(self, *, at_once: bool = False) -> bool:
        """Make a new context if a file has changed; return whether it did. Looks every ten seconds, or `at_once`."""
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
            # Half written, perhaps: the next look will show.
            _log.warning("the TLS files cannot be read again", extra={"why": str(trouble)})
            return False
        self._made_of = files
        _log.info("read the TLS files again", extra={"files": [file.path for file in files]})
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
