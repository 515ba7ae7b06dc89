import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from cluster.control.pki import Authority
from simjob.runtime.client.credentials import Credentials

NAME = "kubernetes.default.svc"


def an_authority(folder: Path) -> Authority:
    folder.mkdir()
    authority = Authority(folder)
    authority.create()
    return authority


class Server:
    """An API server that speaks TLS and whose certificates the test replaces."""

    def __init__(self) -> None:
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def serve(self, authority: Authority, *names: str, clients: Authority | None = None) -> None:
        """Go on with this certificate; who is connected is cut off."""
        await self.end()
        pair = authority.server("api-server", names or ("127.0.0.1",))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
        if clients:
            context.load_verify_locations(clients.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]

    async def end(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.end()


class Client:
    """Credentials of a kubeconfig, at a time that the test sets."""

    def __init__(self, session: aiohttp.ClientSession, url: str, time: list[float]) -> None:
        self._session = session
        self._url = url
        self._time = time

    async def ask(self, *, after: float = 0) -> None:
        self._time[0] += after
        async with self._session.get(self._url) as response:
            assert response.status == 200


@asynccontextmanager
async def a_client(
    folder: Path, monkeypatch: pytest.MonkeyPatch, server: Server, ca: Path, **more: Any
) -> AsyncIterator[Client]:
    user = more.pop("user", {"token": "token"})
    cluster = {"server": server.url, "certificate-authority": str(ca), **more}
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    time = [0.0]
    credentials = await Credentials.load(monotonic=lambda: time[0])
    async with credentials.session("test") as session:
        yield Client(session, server.url, time)


async def test_a_rotated_authority_is_picked_up_by_the_request_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    old, new, ca = an_authority(tmp_path / "old"), an_authority(tmp_path / "new"), tmp_path / "ca.crt"
    shutil.copy(old.certificate, ca)
    await server.serve(old)
    async with a_client(tmp_path, monkeypatch, server, ca) as client:
        await client.ask()
        shutil.copy(new.certificate, ca)
        await server.serve(new)
        await client.ask()


async def test_a_removed_authority_is_no_longer_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    old, new, ca = an_authority(tmp_path / "old"), an_authority(tmp_path / "new"), tmp_path / "ca.crt"
    shutil.copy(old.certificate, ca)
    await server.serve(old)
    async with a_client(tmp_path, monkeypatch, server, ca) as client:
        await client.ask()
        shutil.copy(new.certificate, ca)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.ask(after=11)


async def test_a_half_written_file_is_read_once_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    old, new, ca = an_authority(tmp_path / "old"), an_authority(tmp_path / "new"), tmp_path / "ca.crt"
    shutil.copy(old.certificate, ca)
    await server.serve(old)
    async with a_client(tmp_path, monkeypatch, server, ca) as client:
        ca.write_text("-----BEGIN CERTIFICATE-----\nMII")
        await client.ask(after=11)
        shutil.copy(new.certificate, ca)
        await server.serve(new)
        await client.ask()


async def test_a_new_client_certificate_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    authority, strangers = an_authority(tmp_path / "ca"), an_authority(tmp_path / "strangers")
    first, second = strangers.client("operator", "operator"), authority.client("operator", "operator")
    certificate, key = tmp_path / "client.crt", tmp_path / "client.key"
    shutil.copy(first.certificate, certificate)
    shutil.copy(first.key, key)
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    await server.serve(authority, clients=authority)
    async with a_client(tmp_path, monkeypatch, server, authority.certificate, user=user) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.ask()
        shutil.copy(second.certificate, certificate)
        shutil.copy(second.key, key)
        await client.ask(after=11)


async def test_the_certificate_must_match_the_server_name_of_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    authority = an_authority(tmp_path / "ca")
    await server.serve(authority, NAME)
    async with a_client(tmp_path, monkeypatch, server, authority.certificate) as client:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.ask()
    async with a_client(tmp_path, monkeypatch, server, authority.certificate, **{"tls-server-name": NAME}) as client:
        await client.ask()
