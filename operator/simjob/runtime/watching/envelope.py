"""What kopf is given of a SimulationJob: enough metadata to carry it along, and the rest as one text.

kopf copies every object several times and keeps a page of a list as Python objects. A text is copied for nothing: an
event of 2,000 listed cases costs about as much as one of three.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import msgspec

from simjob.api import names

_CONTENT: Final = "simjob"


class _Meta(msgspec.Struct, rename="camel", omit_defaults=True):
    """The metadata by which kopf distinguishes objects."""

    name: str
    uid: str
    resource_version: str
    namespace: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None


class _Object(msgspec.Struct):
    metadata: _Meta


class _Page(msgspec.Struct, rename="camel"):
    metadata: dict[str, Any]
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


_OBJECTS: Final = msgspec.json.Decoder(_Object)
_PAGES: Final = msgspec.json.Decoder(_Page)
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_EVENTS: Final = msgspec.json.Decoder(_Event)


def sealed(raw: bytes) -> dict[str, Any]:
    """Return the object as kopf is to see it; `opened` reverses it."""
    metadata = msgspec.to_builtins(_OBJECTS.decode(raw).metadata)
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, _CONTENT: raw.decode()}


def opened(body: dict[str, Any]) -> dict[str, Any]:
    """Take the whole object out of what `sealed` made; the listed cases of one that has ended are not decoded.

    Taken out, because kopf's objects refer to each other: the text would stay until the collector finds them.
    """
    parts = _PARTS.decode(body.pop(_CONTENT))
    whole = {name: msgspec.json.decode(part) for name, part in parts.items() if name != "spec"}
    if "spec" in parts:
        status = whole.get("status")
        ended = isinstance(status, dict) and status.get("isTerminal") is True
        whole["spec"] = _spec_of_ended(parts["spec"]) if ended else msgspec.json.decode(parts["spec"])
    return whole


def _spec_of_ended(raw: msgspec.Raw) -> Any:
    # Only the number of its cases is of use, see api/finished.py. To decode 2,000 takes a millisecond and more.
    try:
        parts = _PARTS.decode(raw)
        cases = _PARTS.decode(parts["cases"])
        if set(cases) != {"list"}:
            return msgspec.json.decode(raw)
        listed = _ITEMS.decode(cases["list"])
    except (KeyError, msgspec.ValidationError):
        return msgspec.json.decode(raw)
    spec = {name: msgspec.json.decode(part) for name, part in parts.items() if name != "cases"}
    return {**spec, "cases": {"list": listed}}


class Response(aiohttp.ClientResponse):
    """An answer to kopf, with SimulationJobs sealed; all else is as the API server sent it."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Take the headers; aiohttp calls this."""
        await super().start(connection)
        if self.status < 400 and _is_of_simulationjobs(self) and "watch" in self.url.query:
            self.content = _Lines(self.content)  # type: ignore[assignment]  # All that kopf asks of a stream.
        return self

    async def json(self, **keywords: Any) -> Any:
        """Return the decoded body."""
        if self.status >= 400 or not _is_of_simulationjobs(self):
            return await super().json(**keywords)
        page = _PAGES.decode(await self.read())
        return {"metadata": page.metadata, "items": [sealed(bytes(raw)) for raw in page.items or ()]}


class _Lines:
    """A watch's content, line by line, each object sealed."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        # aiohttp closes the stream and hands it errors.
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines, and what is left after the last one, which shows kopf that the watch broke off."""
        rest: list[bytes] = []
        async for chunk in self._content.iter_chunked(size):
            *lines, last = chunk.split(b"\n")
            for line in lines:
                yield _sealed_event(b"".join((*rest, line))) + b"\n"
                rest = []
            rest.append(last)
        if left := b"".join(rest):
            yield _sealed_event(left)


def _sealed_event(line: bytes) -> bytes:
    try:
        event = _EVENTS.decode(line)
        if event.type not in ("ADDED", "MODIFIED", "DELETED"):
            return line
        return msgspec.json.encode({"type": event.type, "object": sealed(bytes(event.object))})
    except (msgspec.DecodeError, UnicodeDecodeError):
        # kopf says what is wrong with it.
        return line


def _is_of_simulationjobs(response: aiohttp.ClientResponse) -> bool:
    return response.url.path.endswith(f"/{names.PLURAL}")
