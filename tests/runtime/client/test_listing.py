"""Lists, page by page."""

import pytest
from simjob.runtime.client import listing
from simjob.runtime.client.errors import ForbiddenError, UnavailableError
from worlds.wire import Answer, Wire


async def listed(*answers: Answer) -> tuple[list[bytes], Wire]:
    wire = Wire()
    wire.answers.extend(answers)
    pages = listing.pages(wire, "/api/v1/pods", {"labelSelector": "a"})
    return [bytes(raw) async for page in pages for raw in page.items or ()], wire


async def test_every_page_is_requested() -> None:
    items, wire = await listed({"metadata": {"continue": "more"}, "items": [1, 2]}, {"metadata": {}, "items": [3]})
    assert items == [b"1", b"2", b"3"]
    assert [query for _, _, query in wire.requests] == [
        {"labelSelector": "a", "limit": "500"},
        {"labelSelector": "a", "limit": "500", "continue": "more"},
    ]


async def test_an_empty_list_may_say_null() -> None:
    items, _ = await listed({"metadata": {}, "items": None})
    assert items == []


async def test_an_unreadable_page_is_a_cluster_error() -> None:
    with pytest.raises(UnavailableError, match="cannot decode the list at"):
        await listed(b"<html>")


async def test_a_refusal_between_two_pages_is_reported() -> None:
    with pytest.raises(ForbiddenError):
        await listed({"metadata": {"continue": "more"}, "items": []}, ForbiddenError("no"))
