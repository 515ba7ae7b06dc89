"""Lists, page by page: what the API server would otherwise have to encode, and the operator to hold, as one answer."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec

from simjob.runtime.client import errors
from simjob.runtime.client.connection import JSON, Requests

_PAGE: Final = 500
# For one try of a page. All tries together must take less than /healthz waits for a sign of life (150 s), or an API
# server that accepts connections and does not answer would have the operator restarted.
_TIMEOUT: Final = 30.0


class _Meta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    """One page: its objects as JSON, not decoded; an empty list may say null."""

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
    """Yield the pages of a collection, all of the same resourceVersion; raise ClusterError.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
    """
    wanted = {**(query or {}), "limit": str(limit)}
    while True:
        answer = await connection.request("GET", path, query=wanted, accept=accept, within=_TIMEOUT)
        try:
            page = _PAGES.decode(answer)
        except msgspec.DecodeError as trouble:
            raise errors.UnavailableError(f"a list that cannot be read: {trouble}") from trouble
        yield page
        if not page.metadata.continue_:
            return
        wanted["continue"] = page.metadata.continue_
