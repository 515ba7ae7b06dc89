"""Kubernetes' own programs from its download site, each with the checksum that is published beside it.

A program gets its name in the cache only after its checksum was right and after it said its version; nothing runs
before. The checksum comes from the same site, so TLS is what vouches for both: redirects that leave it are refused.
"""

import contextlib
import hashlib
import os
import platform
import queue
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO

from cluster.errors import ClusterError

VARIABLE = "KUBERNETES_SITE"
DEFAULT = "https://dl.k8s.io/release"
NONE = "none"
LOCAL = ("127.0.0.1", "localhost", "::1")
# As Kubernetes names them.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}

BLOCK = 1 << 18
Show = Callable[[str], None]


class UnusableFileError(Exception):
    """One program could not be had from the site; others may."""


class NoSiteError(Exception):
    """The site does not answer, or so slowly that it is of no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait. At the least rate the programs of Kubernetes take about as long as building them."""

    answer_seconds: float = 3.0
    window_seconds: float = 10.0
    least_bytes_per_second: float = 1_000_000
    start_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    """The folder of one version on a download site."""

    base: str
    version: str
    patience: Patience = Patience()

    def fetch(self, name: str, folder: Path, show: Show) -> None:
        """Put a program into the folder, verified.

        Raises UnusableFileError or NoSiteError; the folder then has nothing of the program.
        """
        address = f"{self.base}/{self.version}/bin/linux/{architecture()}/{name}"
        wanted = self._published_checksum(name, f"{address}.sha256")
        folder.mkdir(parents=True, exist_ok=True)
        scratch = folder / f".{name}.{os.getpid()}"
        try:
            found = self._save(name, address, scratch, show)
            if found != wanted:
                raise UnusableFileError(
                    f"{address} has the checksum {found}, and {wanted} is published: it is not used"
                )
            scratch.chmod(0o755)
            self._try(name, scratch)
            # By rename: an interrupted download never looks complete.
            scratch.rename(folder / name)
        finally:
            scratch.unlink(missing_ok=True)

    def _published_checksum(self, name: str, address: str) -> str:
        with self._open(address) as answer:
            try:
                text = answer.read(4096).decode(errors="replace")
            except (OSError, HTTPException) as error:
                raise NoSiteError(f"{address} was cut: {error}") from None
        found = re.match(r"\s*([0-9a-fA-F]{64})\s*$", text)
        if found is None:
            raise UnusableFileError(f"{address} has no SHA-256 checksum of {name}, but {text[:40]!r}")
        return found[1].lower()

    def _save(self, name: str, address: str, path: Path, show: Show) -> str:
        """Save the body of an answer; return its SHA-256."""
        digest, received = hashlib.sha256(), 0
        with self._open(address) as answer, path.open("wb") as file:
            total = answer.length
            pace = _Pace(self.patience, address)
            try:
                while block := answer.read1(BLOCK):
                    file.write(block)
                    digest.update(block)
                    received += len(block)
                    pace.check(received)
                    show(_share(received, total))
            except TimeoutError:
                raise NoSiteError(f"{address} sent nothing for {self.patience.window_seconds:.0f} s") from None
            except (OSError, HTTPException, ValueError) as error:
                raise UnusableFileError(f"{address} was cut after {received} bytes: {error}") from error
        if total is not None and received != total:
            raise UnusableFileError(f"{address} was cut after {received} of {total} bytes")
        return digest.hexdigest()

    def _try(self, name: str, program: Path) -> None:
        """Run the program once: it may be for another C library than this machine has."""
        try:
            done = subprocess.run(
                [program, "--version"], env={}, capture_output=True, text=True, timeout=self.patience.start_seconds,
                check=False,
            )  # fmt: skip
            said = (done.stdout or done.stderr).strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if said != f"Kubernetes {self.version}":
            raise UnusableFileError(
                f"the {name} that was downloaded does not run here as {self.version}: {said[:200]!r}"
            )

    def _open(self, address: str) -> HTTPResponse:
        """Wait for an answer and explain why there is none. Later reads may pause for a window."""
        try:
            return _Request(address, self.patience.window_seconds).wait(self.patience.answer_seconds)
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"{error.url} answers {error.code} {error.reason}"
            raise (NoSiteError if error.code >= 500 else UnusableFileError)(problem) from None
        except queue.Empty:
            raise NoSiteError(f"{self.base} does not answer within {self.patience.answer_seconds:.0f} s") from None
        except (OSError, HTTPException, ValueError) as error:
            raise NoSiteError(f"{self.base} cannot be reached: {getattr(error, 'reason', error)}") from None


class _Request:
    """A request in a thread, since no time-out bounds the search for a name in DNS, which takes up to a minute.

    Not in a pool: Python waits at its end for the threads of one.
    """

    def __init__(self, address: str, pause_seconds: float) -> None:
        self.address, self.pause_seconds = address, pause_seconds
        self.answers: queue.SimpleQueue[HTTPResponse | Exception] = queue.SimpleQueue()
        self.is_abandoned = False
        threading.Thread(target=self._ask, daemon=True).start()

    def wait(self, seconds: float) -> HTTPResponse:
        """Return the answer, or raise what was raised instead of it; queue.Empty if there is neither in time."""
        try:
            answer = self.answers.get(timeout=seconds)
        except queue.Empty:
            self.is_abandoned = True
            self._discard()
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self) -> None:
        try:
            self.answers.put(urllib.request.build_opener(_KeepTls).open(self.address, timeout=self.pause_seconds))
        except (OSError, HTTPException, ValueError) as error:
            self.answers.put(error)
        if self.is_abandoned:
            self._discard()

    def _discard(self) -> None:
        """Close an answer that comes too late, whichever of the two threads sees it."""
        with contextlib.suppress(queue.Empty):
            answer = self.answers.get_nowait()
            if not isinstance(answer, Exception) or isinstance(answer, urllib.error.HTTPError):
                answer.close()


class _KeepTls(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.startswith("https://"):
            raise urllib.error.URLError(f"it redirects to {newurl}, without TLS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(slots=True)
class _Pace:
    """Gives up a download that takes longer than building."""

    patience: Patience
    address: str
    began: float = 0.0
    received: int = 0

    def check(self, received: int) -> None:
        """Raise NoSiteError if a window has ended with too little in it."""
        now = time.monotonic()
        self.began = self.began or now
        seconds = now - self.began
        if seconds < self.patience.window_seconds:
            return
        rate = (received - self.received) / seconds
        if rate < self.patience.least_bytes_per_second:
            raise NoSiteError(f"{self.address} sends {rate / 1000:.0f} kB a second, and building is faster")
        self.began, self.received = now, received


def site_from_environment(version: str, environ: Mapping[str, str] = os.environ) -> Site | None:
    """Read KUBERNETES_SITE; None if nothing is to be downloaded."""
    base = (environ.get(VARIABLE) or DEFAULT).rstrip("/")
    if base == NONE or architecture() == "":
        return None
    parts = urllib.parse.urlsplit(base)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)):
        raise ClusterError(
            f"{VARIABLE} must be an address that begins with https://, or {NONE}: {base!r}",
            f"leave it unset for {DEFAULT}; http:// is for this machine alone, since TLS is what vouches for checksums",
        )
    return Site(base, version)


def architecture() -> str:
    """Return Kubernetes' name of this machine's architecture; empty if nothing is published for it."""
    return ARCHITECTURES.get(platform.machine(), "")


def _share(received: int, total: int | None) -> str:
    if not total:
        return f"{received / 1e6:.0f} MB"
    return f"{100 * received // total} % of {total / 1e6:.0f} MB"
