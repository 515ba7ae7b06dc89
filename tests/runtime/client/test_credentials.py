from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from simjob.runtime.client import errors
from simjob.runtime.client.connection import Connection
from simjob.runtime.client.credentials import Credentials, RedirectedError
from simjob.runtime.client.requestbudget import Budget


def write_kubeconfig(path: Path, server: str, token: str) -> None:
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(config))


@asynccontextmanager
async def an_api_server(valid: set[str]) -> AsyncIterator[str]:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.headers.get("Authorization") in valid else 401)

    async with serving(handler) as server:
        yield server


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_server_that_could_compress_is_asked_not_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))

    async def compressing(_: web.Request) -> web.Response:
        response = web.Response(text="x" * 200_000)
        response.enable_compression()
        return response

    async with serving(compressing) as server:
        write_kubeconfig(tmp_path / "kubeconfig", server, "any")
        credentials = await Credentials.load()
        async with credentials.session("test") as session, session.get(server) as response:
            assert "Content-Encoding" not in response.headers
            assert len(await response.read()) == 200_000


async def test_every_request_carries_the_current_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    valid = {"Bearer old"}
    async with an_api_server(valid) as server:
        write_kubeconfig(tmp_path / "kubeconfig", server, "old")
        now = [0.0]
        credentials = await Credentials.load(monotonic=lambda: now[0])
        async with credentials.session("test") as session:
            assert (await session.get(server)).status == 200
            write_kubeconfig(tmp_path / "kubeconfig", server, "new")
            valid.clear()
            valid.add("Bearer new")
            assert (await session.get(server)).status == 401
            now[0] = 61.0
            assert (await session.get(server)).status == 200


async def test_a_missing_kubeconfig_keeps_the_last_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    async with an_api_server(set()) as server:
        write_kubeconfig(tmp_path / "kubeconfig", server, "old")
        now = [0.0]
        credentials = await Credentials.load(monotonic=lambda: now[0])
        (tmp_path / "kubeconfig").unlink()
        now[0] = 61.0
        async with credentials.session("test") as session:
            assert (await session.get(server)).status == 401


async def test_in_a_pod_the_current_service_account_token_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.aio.config import incluster_config

    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("pod")
    import ssl

    ca.write_text(ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0]))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    credentials = await Credentials.load()
    assert credentials.host == "https://10.0.0.1:443"
    assert await credentials._header() == "bearer pod"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_never_carries_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    asked: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.Response()

    async with serving(elsewhere) as other:
        target = other.replace("127.0.0.1", "localhost")

        async def redirecting(_: web.Request) -> web.Response:
            return web.Response(status=code, headers={"Location": f"{target}/there"})

        async with serving(redirecting) as server:
            write_kubeconfig(tmp_path / "kubeconfig", server, "secret")
            credentials = await Credentials.load()
            async with credentials.session("test") as session:
                connection = Connection(session, credentials.host, Budget(8))
                said = f"the API server at {server} redirects to {target}/there.*check the server address"
                with pytest.raises(errors.ClusterError, match=said):
                    await connection.request("GET", "/")
                with pytest.raises(errors.ClusterError, match=said):
                    await connection.request("POST", "/", body=b"{}")
                with pytest.raises(errors.ClusterError, match=said):
                    async with connection.stream("/", {"watch": "true"}, 5):
                        pass
                # As kopf asks: it knows nothing of redirects.
                with pytest.raises(RedirectedError):
                    await session.get(server)
    assert asked == []
