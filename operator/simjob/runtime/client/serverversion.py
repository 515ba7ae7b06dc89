"""Check that the API server's version of Kubernetes is new enough for the operator."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from simjob.runtime.client import errors
from simjob.runtime.client.connection import Requests

Version = tuple[int, int]

MINIMUM: Final[Version] = (1, 33)
_LONGEST_DELAY: Final = 5.0

_log = logging.getLogger(__name__)


class TooOldError(Exception):
    """The API server is older than the oldest version that the operator supports."""


class _Info(msgspec.Struct, rename="camel"):
    """The fields of GET /version that are used. Vendors write values such as `33+` and `v1.33.1-eks-1`."""

    major: str = ""
    minor: str = ""
    # An API server can emulate an older version; it then behaves like that version.
    emulation_major: str = ""
    emulation_minor: str = ""
    git_version: str = ""


async def require(connection: Requests, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Return if the API server is new enough; raise TooOldError if it is not.

    Wait while the API server does not respond. If its version cannot be parsed, log a warning and return: each Job is
    also checked after its creation.
    """
    answer = await _answer(connection, sleep)
    version = parse(answer)
    if version is None:
        _log.warning("cannot parse the version of Kubernetes", extra={"answer": answer[:200].decode(errors="replace")})
    elif version < MINIMUM:
        raise TooOldError(
            f"Kubernetes {_written(version)} is too old: the operator needs {_written(MINIMUM)} or newer, because "
            "older versions can ignore spec.managedBy of a Job and would run every case twice"
        )


def parse(answer: bytes) -> Version | None:
    """Return the major and minor version in a response to GET /version, or None if there are none."""
    try:
        info = msgspec.json.decode(answer, type=_Info)
    except msgspec.DecodeError:
        return None
    texts = (f"{info.emulation_major}.{info.emulation_minor}", f"{info.major}.{info.minor}", info.git_version)
    found = [match for text in texts if (match := re.match(r"v?(\d+)\.(\d+)", text))]
    return (int(found[0][1]), int(found[0][2])) if found else None


async def _answer(connection: Requests, sleep: Callable[[float], Awaitable[None]]) -> bytes:
    delay, logged = 0.5, ""
    while True:
        try:
            return await connection.request("GET", "/version")
        except errors.ClusterError as trouble:
            if trouble.message != logged:
                logged = trouble.message
                _log.warning("waiting for the API server to return its version", extra={"why": logged})
        await sleep(delay)
        delay = min(2 * delay, _LONGEST_DELAY)


def _written(version: Version) -> str:
    return "{}.{}".format(*version)
