"""HTTP to the API server for the benchmark's own processes: a kubeconfig with a token in, an aiohttp session out."""

import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml

from bench.errors import TrialError

JSON = "application/json"
MERGE = "application/merge-patch+json"


@asynccontextmanager
async def session(kubeconfig: Path, agent: str, connections: int = 0) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that speaks as the kubeconfig's user; its base is the API server. 0 connections: no limit."""
    server, authority, token = _read(kubeconfig)
    async with aiohttp.ClientSession(
        base_url=server,
        connector=aiohttp.TCPConnector(
            ssl=ssl.create_default_context(cadata=authority), limit=connections, keepalive_timeout=60
        ),
        headers={"Authorization": f"Bearer {token}", "User-Agent": agent},
        read_bufsize=2**20,
        timeout=aiohttp.ClientTimeout(total=120),
    ) as found:
        yield found


async def ask(http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Send a request, decode the answer; TrialError if it is refused or not answered."""
    content = None if body is None else msgspec.json.encode(body)
    headers = {"Content-Type": MERGE if method == "PATCH" else JSON}
    try:
        async with http.request(method, path, data=content, headers=headers) as answer:
            text = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as trouble:
        raise TrialError(f"{method} {path}: no answer: {trouble}") from trouble
    if answer.status >= 400:
        raise TrialError(f"{method} {path}: {answer.status}: {text[:300].decode(errors='replace')}")
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


async def send(http: aiohttp.ClientSession, method: str, path: str, body: Any) -> float:
    """Ask, and return the monotonic time at which that was sent."""
    sent = time.monotonic()
    await ask(http, method, path, body)
    return sent


def _read(kubeconfig: Path) -> tuple[str, str, str]:
    """Give the server, its authority's certificate and the user's token."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return cluster["server"], authority, content["users"][0]["user"]["token"]
