"""Read lists page by page, so that neither the API server nor the operator holds a large list as one response."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec

from simjob.runtime.client import errors
from simjob.runtime.client.connection import JSON, Requests

_PAGE: Final = 500
# Seconds for one try of a page. All tries together must take less than the 150 s after which /healthz reports a
# failure. Otherwise an API server that accepts connections but does not respond would get the operator restarted.
_TIMEOUT: Final = 30.0


class _Meta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    """One page: its objects as undecoded JSON. `items` is null in some empty lists."""

    metadata: _Meta
    items: list[msgspec.Raw] | None = None


_PAGES: Final = msgspec.json.Decoder(Page)


async def pages(
    connection: Requests,
    path: str,
    query: Mapping[str, str] | None = None,
    *,
    accept: str = JSON,
    limit: int = _PAGE,
) -> AsyncIterator[Page]:
    """Yield the pages of a collection, all at one resourceVersion; raise ClusterError.

    `limit` is the number of objects per page.
    https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
    """
    wanted = {**(query or {}), "limit": str(limit)}
    while True:
        answer = await connection.request("GET", path, query=wanted, accept=accept, within=_TIMEOUT)
        try:
            page = _PAGES.decode(answer)
        except msgspec.DecodeError as trouble:
            raise errors.UnavailableError(f"cannot decode the list at {path}: {trouble}") from trouble
        yield page
        if not page.metadata.continue_:
            return
        wanted["continue"] = page.metadata.continue_
