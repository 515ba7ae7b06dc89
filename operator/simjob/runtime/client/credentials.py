"""The API server's address and the operator's credentials, for every session that it opens.

kubernetes.aio reads the service account or the kubeconfig. This module adds what it lacks: each request, including
kopf's, uses the current token and the current TLS files, and a request is retried once when its token has expired.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from kubernetes.aio import client, config
from kubernetes.aio.config import incluster_config

from simjob.runtime.client.tls import Tls

_RELOAD_INTERVAL: Final = 60.0
# The status codes that aiohttp follows.
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_READ_AHEAD: Final = 2**20

_log = logging.getLogger(__name__)


class RedirectedError(aiohttp.ClientError):
    """The API server redirected a request. Redirects are not followed: the token would go to another server."""


class Credentials:
    """The API server's address, and sessions that follow rotated tokens, CAs and client certificates."""

    def __init__(
        self,
        configuration: client.Configuration,
        *,
        reload: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self.host: str = configuration.host.rstrip("/")
        self._tls = Tls(configuration, monotonic)
        self._configuration = configuration
        self._reload = reload
        self._monotonic = monotonic
        self._read_at = monotonic()

    @classmethod
    async def load(cls, monotonic: Callable[[], float] = time.monotonic) -> "Credentials":
        """Read $KUBECONFIG if it is set, otherwise the pod's service account, otherwise ~/.kube/config."""
        configuration = client.Configuration()
        # Since Python 3.13, strict verification follows RFC 5280 and requires, for example, an Authority Key
        # Identifier. The certificates of many clusters lack it (kubernetes-client/python#2394). Without the flag, the
        # chain and the host name are still verified.
        configuration.disable_strict_ssl_verification = True
        in_cluster = "KUBECONFIG" not in os.environ and incluster_config.SERVICE_HOST_ENV_NAME in os.environ
        if in_cluster:
            config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # The client is not annotated.
        else:
            await _load_kubeconfig(configuration)
        return cls(configuration, reload=not in_cluster, monotonic=monotonic)

    def session(
        self,
        agent: str,
        *,
        connections: int = 0,
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
        response_class: type[ClientResponse] = ClientResponse,
    ) -> aiohttp.ClientSession:
        """Open a session in which every request carries the current token and uses the current TLS files."""
        return aiohttp.ClientSession(
            # The API server closes idle connections after 90 s. Closing them earlier avoids sending into a closed one.
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=60),
            # The API server is near. To compress long lists would cost it and the operator CPU time.
            headers={"User-Agent": agent, "Accept-Encoding": "identity"},
            middlewares=(self._authorize, *middlewares),
            response_class=response_class,
            proxy=self._configuration.proxy,
            # HTTP_PROXY and the like are meant for the internet. A proxy for the API server is set in the kubeconfig.
            trust_env=False,
            read_bufsize=_READ_AHEAD,
        )

    async def _authorize(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        self._tls.follow()
        before = await self._header()
        response = await self._secured(request, handler, before)
        if response.status != 401 or not await self._renewed(before):
            return response
        response.release()
        return await self._secured(request, handler, await self._header())

    async def _secured(
        self, request: ClientRequest, handler: ClientHandlerType, authorization: str | None
    ) -> ClientResponse:
        """Send a request. Retry once if the TLS handshake failed and the TLS files have changed since."""
        request.headers.pop("Authorization", None)
        if authorization:
            request.headers["Authorization"] = authorization
        request.server_hostname = self._tls.server_name
        # aiohttp takes the TLS context of each request from the caller, and kopf passes none.
        request._ssl = self._tls.context  # noqa: SLF001  # As above.
        try:
            return await _answer(request, handler)
        except aiohttp.ClientSSLError:
            if not (self._tls.follow(at_once=True) or await self._is_read_again()):
                raise
        request._ssl = self._tls.context  # noqa: SLF001  # As above.
        return await _answer(request, handler)

    async def _header(self) -> str | None:
        try:
            return await self._configuration.get_api_key_with_prefix("BearerToken")
        except (config.ConfigException, OSError) as trouble:
            raise aiohttp.ClientConnectionError(f"cannot read the token for the API server: {trouble}") from trouble

    async def _renewed(self, before: str | None) -> bool:
        """Reload the credentials and return whether they have changed."""
        changed = await self._is_read_again()
        return await self._header() != before or changed

    async def _is_read_again(self) -> bool:
        """Reload the kubeconfig (or rerun its exec plugin) at most once a minute; return whether TLS files changed."""
        if self._reload and self._monotonic() - self._read_at > _RELOAD_INTERVAL:
            self._read_at = self._monotonic()
            try:
                await _load_kubeconfig(self._configuration)
            except (config.ConfigException, OSError) as trouble:
                _log.warning("cannot reload the kubeconfig", extra={"why": str(trouble)})
        return self._tls.follow(at_once=True)


async def _answer(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send the request; raise RedirectedError for a response that aiohttp would follow."""
    response = await handler(request)
    if response.status not in _REDIRECTS:
        return response
    target = response.headers.get("Location", "an unnamed address")
    response.close()
    raise RedirectedError(
        f"the API server at {request.url.origin()} redirects to {target}, and the operator follows no redirects; "
        "check the server address in the kubeconfig"
    )


async def _load_kubeconfig(configuration: client.Configuration) -> None:
    # kubernetes.aio reads the variable at import and would ignore a later change.
    path = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    await config.load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]  # As above.
