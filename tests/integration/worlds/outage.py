"""A proxy in front of the API server that stops answering as a control plane under repair does."""

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from integration.support.client import Client

# Headers that belong to one connection, or that aiohttp sets itself.
_OF_A_CONNECTION = {"connection", "content-length", "transfer-encoding", "host", "keep-alive"}


class Outage:
    """Passes requests on until `begin`, then answers all of them with a status, or with nothing, until `end`."""

    def __init__(self, upstream: aiohttp.ClientSession, host: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._upstream = upstream
        self._host = host
        self._status: int | None = None
        self._changed = asyncio.Event()
        self.refused = 0

    def begin(self, status: int) -> None:
        """Cut all watches off, and answer with `status` from now on; with 0, accept requests and never answer."""
        self.call(self._set, status)

    def end(self) -> None:
        """Pass requests on again; whatever still waits for an answer is cut off."""
        self.call(self._set, None)

    def call(self, function: Callable[..., None], *arguments: object) -> None:
        """Have the proxy's own thread call a function."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def _set(self, status: int | None) -> None:
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        changed = self._changed
        if self._status is None:
            return await self._until(changed, self._pass_on(request))
        self.refused += 1
        if self._status == 0:
            await changed.wait()
            raise ConnectionResetError
        body = {"kind": "Status", "status": "Failure", "code": self._status, "message": "the control plane is repaired"}
        return web.json_response(body, status=self._status)

    async def _until(
        self, changed: asyncio.Event, passing: Coroutine[Any, Any, web.StreamResponse]
    ) -> web.StreamResponse:
        task, cut = asyncio.create_task(passing), asyncio.create_task(changed.wait())
        try:
            await asyncio.wait({task, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionResetError
            return task.result()
        finally:
            task.cancel()
            cut.cancel()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_A_CONNECTION}
        url = f"{self._host}{request.rel_url}"
        async with self._upstream.request(
            request.method,
            url,
            headers=headers,
            data=await request.read() or None,
            skip_auto_headers=("Content-Type",),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as found:
            answer = web.StreamResponse(
                status=found.status,
                headers={name: value for name, value in found.headers.items() if name.lower() not in _OF_A_CONNECTION},
            )
            await answer.prepare(request)
            async for chunk in found.content.iter_any():
                await answer.write(chunk)
            await answer.write_eof()
            return answer


@contextmanager
def outages(client: Client, kubeconfig: Path) -> Iterator[tuple[Outage, Path]]:
    """Serve a proxy in a thread; give it, and a kubeconfig like the given one that leads through it."""
    started: Future[tuple[Outage, int]] = Future()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(client, started, stop)), name="outage", daemon=True)
    thread.start()
    outage, port = started.result(10)
    content = json.loads(kubeconfig.read_text())
    content["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
    path = kubeconfig.with_name("through-the-outage.kubeconfig")
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    try:
        yield outage, path
    finally:
        outage.call(stop.set)
        thread.join(10)


async def _serve(client: Client, started: "Future[tuple[Outage, int]]", stop: asyncio.Event) -> None:
    trusting = ssl.create_default_context(cadata=base64.b64decode(client.authority).decode())
    connector = aiohttp.TCPConnector(ssl=trusting, limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as upstream:
        outage = Outage(upstream, client.server)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", outage.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.set_result((outage, runner.addresses[0][1]))
        await stop.wait()
        await runner.cleanup()
