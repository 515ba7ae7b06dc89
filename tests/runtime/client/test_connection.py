import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from simjob.runtime.client import errors
from simjob.runtime.client.connection import Connection
from simjob.runtime.client.requestbudget import Budget

PATH = "/apis/simjob.dev/v1/namespaces/default/simulationjobs/sweep/status"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A real HTTP server on loopback, a connection to it, and the pauses that the connection made."""

    def __init__(self, connection: Connection, pauses: list[float]) -> None:
        self.connection = connection
        self.pauses = pauses


@asynccontextmanager
async def a_server(handler: Handler) -> AsyncIterator[Server]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with aiohttp.ClientSession() as session:
        host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield Server(Connection(session, host, Budget(8), sleep=pause, jitter=lambda: 0.0), pauses)
    await runner.cleanup()


def answering(*answers: tuple[int, dict[str, Any]], headers: Mapping[str, str] | None = None) -> Handler:
    """Gives these answers in turn, then 200."""
    left = list(answers)

    async def handler(_: web.Request) -> web.Response:
        status, body = left.pop(0) if left else (200, {})
        return web.json_response(body, status=status, headers=headers if status >= 400 else None)

    return handler


def a_status(reason: str, *causes: str, field: str = "", **details: Any) -> dict[str, Any]:
    return {
        "kind": "Status",
        "message": f"because {reason}",
        "reason": reason,
        "details": {"causes": [{"reason": cause, "field": field} for cause in causes], **details},
    }


@pytest.mark.parametrize(
    ("code", "body", "kind"),
    [
        pytest.param(
            404,
            a_status("NotFound", name="sweep", kind="simulationjobs"),
            errors.NotFoundError,
            id="the object is not there",
        ),
        pytest.param(
            404,
            a_status("NotFound", name="default", kind="namespaces"),
            errors.NotFoundError,
            id="its namespace is not there",
        ),
        pytest.param(
            404,
            a_status("NotFound", name="sweep"),
            errors.NotFoundError,
            id="the object is not there and the kind is missing in the answer",
        ),
        pytest.param(
            404,
            a_status("NotFound", name="other", kind="simulationjobs"),
            errors.UnavailableError,
            id="another object is not there",
        ),
        pytest.param(
            404,
            a_status("NotFound", name="sweep", kind="validators"),
            errors.UnavailableError,
            id="an object of another kind is not there",
        ),
        pytest.param(404, a_status("NotFound"), errors.UnavailableError, id="a path that is not there"),
        pytest.param(
            404,
            a_status("Missing", name="sweep", kind="simulationjobs"),
            errors.UnavailableError,
            id="a 404 with another reason",
        ),
        pytest.param(409, a_status("AlreadyExists"), errors.AlreadyExistsError, id="the name is taken"),
        pytest.param(409, a_status("Conflict"), errors.ConflictError, id="the object changed meanwhile"),
        pytest.param(410, a_status("Expired"), errors.GoneError, id="the resource version expired"),
        pytest.param(400, a_status("BadRequest"), errors.InvalidError, id="the request is malformed"),
        pytest.param(413, a_status("RequestEntityTooLarge"), errors.InvalidError, id="the object is too large"),
        pytest.param(
            422,
            a_status("Invalid", "FieldValueInvalid", field="spec.cancel"),
            errors.InvalidError,
            id="a field is invalid",
        ),
        pytest.param(
            422,
            a_status("Invalid", "FieldValueInvalid", field="metadata.uid"),
            errors.ConflictError,
            id="the UID of the request is of an earlier object",
        ),
        pytest.param(403, a_status("Forbidden"), errors.ForbiddenError, id="it is forbidden"),
        pytest.param(
            403,
            a_status("Forbidden", "NamespaceTerminating"),
            errors.NamespaceTerminatingError,
            id="its namespace is being deleted",
        ),
        pytest.param(401, a_status("Unauthorized"), errors.UnavailableError, id="the credentials are not accepted"),
        pytest.param(429, a_status("TooManyRequests"), errors.UnavailableError, id="the API server asks to slow down"),
        pytest.param(500, a_status("InternalError"), errors.UnavailableError, id="an internal error"),
        pytest.param(504, a_status("Timeout"), errors.UnavailableError, id="a timeout"),
    ],
)
async def test_an_error_is_reported_by_code_and_reason(
    code: int, body: dict[str, Any], kind: type[errors.ClusterError]
) -> None:
    async with a_server(answering(*[(code, body)] * 9)) as server:
        with pytest.raises(errors.ClusterError) as caught:
            await server.connection.request("POST", PATH)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.reason) == (code, body["reason"])
    assert caught.value.message == f"because {body['reason']}"


async def test_an_object_too_large_for_etcd_is_refused_without_a_retry() -> None:
    body = {**a_status(""), "message": "etcdserver: request is too large"}
    async with a_server(answering((500, body))) as server:
        with pytest.raises(errors.InvalidError):
            await server.connection.request("PATCH", "/api", body=b"{}")


async def test_an_exhausted_object_quota_is_recognised() -> None:
    message = (
        'pods "a" is forbidden: exceeded quota: q, requested: count/pods=1, used: count/pods=4, limited: count/pods=4'
    )
    body = {**a_status("Forbidden"), "message": message}
    async with a_server(answering((403, body))) as server:
        with pytest.raises(errors.ObjectQuotaError):
            await server.connection.request("POST", "/api")


async def test_an_error_without_a_status_object_keeps_its_text() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    async with a_server(handler) as server:
        with pytest.raises(errors.UnavailableError, match="bad gateway"):
            await server.connection.request("POST", "/api")


async def test_a_404_without_the_object_name_is_retried() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=404, text="404 page not found\n")

    async with a_server(handler) as server:
        with pytest.raises(errors.UnavailableError, match="404 page not found") as caught:
            await server.connection.request("GET", PATH)
    assert (caught.value.code, server.pauses) == (404, [0.2, 0.4, 0.8])


async def test_a_read_is_retried_a_limited_number_of_times_with_back_off() -> None:
    async with a_server(answering(*[(500, a_status("InternalError"))] * 9)) as server:
        with pytest.raises(errors.UnavailableError):
            await server.connection.request("GET", "/api")
    assert server.pauses == [0.2, 0.4, 0.8]


async def test_a_delete_is_retried() -> None:
    async with a_server(answering((500, a_status("InternalError")))) as server:
        assert await server.connection.request("DELETE", "/api") == b"{}"


async def test_a_creation_is_never_retried() -> None:
    async with a_server(answering((500, a_status("InternalError")))) as server:
        with pytest.raises(errors.UnavailableError):
            await server.connection.request("POST", "/api")
    assert server.pauses == []


async def test_a_caller_can_forbid_retries() -> None:
    async with a_server(answering((500, a_status("InternalError")))) as server:
        with pytest.raises(errors.UnavailableError):
            await server.connection.request("PUT", "/api", repeat=False)


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_sets_the_pause(code: int) -> None:
    async with a_server(answering((code, {}), headers={"Retry-After": "3"})) as server:
        await server.connection.request("GET", "/api")
    assert server.pauses == [3]


async def test_retry_after_is_reported_after_the_last_retry() -> None:
    body = a_status("TooManyRequests", retryAfterSeconds=7)
    async with a_server(answering((429, body))) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await server.connection.request("POST", "/api")
    assert caught.value.retry_after == 7


async def test_a_timeout_means_unavailable() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with a_server(handler) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await server.connection.request("GET", "/api", within=0.01, repeat=False)
    assert caught.value.code == 0


async def test_a_failed_connection_means_unavailable() -> None:
    async with aiohttp.ClientSession() as session:
        connection = Connection(session, "http://127.0.0.1:1", Budget(8))
        with pytest.raises(errors.UnavailableError):
            await connection.request("GET", "/api", repeat=False)


async def test_queries_bodies_and_content_types_are_sent_unchanged() -> None:
    seen: list[tuple[str, str, bytes, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.query["labelSelector"], await request.read(), request.content_type))
        return web.Response(text="{}")

    async with a_server(handler) as server:
        query = {"labelSelector": "a/b=c,d!=e f"}
        await server.connection.request("PATCH", "/api", query=query, body=b"{1}", content_type="application/x")
    assert seen == [("PATCH", "a/b=c,d!=e f", b"{1}", "application/x")]


async def test_a_stream_yields_chunks_as_they_arrive() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.sleep(0.005)
        await response.write(b"two")
        return response

    async with a_server(handler) as server, server.connection.stream("/watch", {"watch": "true"}, 5) as chunks:
        assert [chunk async for chunk in chunks] == [b"one", b"two"]


async def test_a_refused_stream_raises_the_error() -> None:
    async with a_server(answering((410, a_status("Expired")))) as server:
        with pytest.raises(errors.GoneError):
            async with server.connection.stream("/watch", {}, 5):
                pass


async def test_a_silent_stream_means_unavailable() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(5)
        return response

    async def read(connection: Connection) -> None:
        async with connection.stream("/watch", {}, 0.01) as chunks:
            async for _ in chunks:
                raise AssertionError("nothing was sent")

    async with a_server(handler) as server:
        with pytest.raises(errors.UnavailableError):
            await read(server.connection)


async def test_the_clock_follows_the_api_server() -> None:
    ahead = datetime.now(UTC) + timedelta(hours=3)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"{}", headers={"Date": format_datetime(ahead, usegmt=True)})

    async with a_server(handler) as server:
        await server.connection.request("GET", "/")
        assert abs(server.connection.clock.now() - ahead) < timedelta(seconds=5)
