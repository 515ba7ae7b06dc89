"""Give kopf each SimulationJob as the metadata that it needs, and the rest as texts.

kopf copies every object several times and holds a page of a list as Python objects. Copying a text costs nothing, so an
event with 2,000 listed cases costs about as much as one with three. A page is parsed once: it can have megabytes.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp
import msgspec

from simjob.api import names

_CONTENT: Final = "simjob"


class _Meta(msgspec.Struct, rename="camel", omit_defaults=True):
    """The metadata that kopf uses."""

    name: str
    uid: str
    resource_version: str
    namespace: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None


# An object by its fields, each as undecoded JSON.
_Parts = dict[str, msgspec.Raw]


class _Page(msgspec.Struct, rename="camel"):
    metadata: dict[str, Any]
    items: list[_Parts] | None = None


class _Event(msgspec.Struct):
    type: str
    object: _Parts


class _Listed(msgspec.Struct, forbid_unknown_fields=True):
    """A spec's `cases` that has a list and nothing else."""

    list: list[msgspec.Raw]


_META: Final = msgspec.json.Decoder(_Meta)
_PAGES: Final = msgspec.json.Decoder(_Page)
_PARTS: Final = msgspec.json.Decoder(_Parts)
_LISTED: Final = msgspec.json.Decoder(_Listed)
_EVENTS: Final = msgspec.json.Decoder(_Event)


def sealed(parts: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """Return the object that kopf gets, made from the object's fields. `opened` reverses this."""
    metadata = msgspec.to_builtins(_META.decode(parts["metadata"]))
    texts = {name: bytes(part).decode() for name, part in parts.items()}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, _CONTENT: texts}


def opened(body: dict[str, Any]) -> dict[str, Any]:
    """Remove the texts from an object made by `sealed`, and return the whole object decoded.

    The listed cases of a finished SimulationJob are not decoded. The texts are removed because kopf's objects refer to
    each other: they would stay in memory until the garbage collector finds the cycle.
    """
    parts: dict[str, str] = body.pop(_CONTENT)
    whole = {name: msgspec.json.decode(part) for name, part in parts.items() if name != "spec"}
    if "spec" in parts:
        status = whole.get("status")
        ended = isinstance(status, dict) and status.get("isTerminal") is True
        whole["spec"] = _spec_of_ended(parts["spec"]) if ended else msgspec.json.decode(parts["spec"])
    return whole


def _spec_of_ended(text: str) -> Any:
    # Only the number of its cases is needed (api/finishedcopy.py). Decoding 2,000 cases takes more than a millisecond.
    try:
        parts = _PARTS.decode(text)
        listed = _LISTED.decode(parts["cases"]).list
    except (KeyError, msgspec.ValidationError):
        return msgspec.json.decode(text)
    spec = {name: msgspec.json.decode(part) for name, part in parts.items() if name != "cases"}
    return {**spec, "cases": {"list": listed}}


class Response(aiohttp.ClientResponse):
    """A response to kopf, with SimulationJobs sealed. Everything else is as the API server sent it.

    `on_continue` is called with the token of the next page, if there is one, before this page is handled.
    """

    on_continue: Callable[[str], None] | None = None

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Process the headers. aiohttp calls this."""
        await super().start(connection)
        if self.status < 400 and _is_of_simulationjobs(self) and "watch" in self.url.query:
            self.content = _Lines(self.content)  # type: ignore[assignment]  # All that kopf asks of a stream.
        return self

    async def json(self, **keywords: Any) -> Any:
        """Return the decoded body."""
        if self.status >= 400 or not _is_of_simulationjobs(self):
            return await super().json(**keywords)
        page = _PAGES.decode(await self.read())
        if self.on_continue and (token := page.metadata.get("continue")):
            self.on_continue(token)
        return {"metadata": page.metadata, "items": [sealed(parts) for parts in page.items or ()]}


class _Lines:
    """The content of a watch, line by line, with each object sealed."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        # aiohttp closes the stream and sets errors on it.
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines, then the incomplete last line if there is one, which shows kopf that the watch broke."""
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
        return msgspec.json.encode({"type": event.type, "object": sealed(event.object)})
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        # kopf reports the error.
        return line


def _is_of_simulationjobs(response: aiohttp.ClientResponse) -> bool:
    return response.url.path.endswith(f"/{names.PLURAL}")
