import asyncio
import logging
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from simjob.core.facts.apiobjects import Pod
from simjob.runtime.client import errors
from simjob.runtime.watching import informer
from simjob.runtime.watching.informer import Informer
from worlds.virtualtime import VirtualTimeLoop
from worlds.wire import Hang, Wire

LOOP = VirtualTimeLoop


class Notes:
    """A sink that records what it gets."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.lists: list[tuple[list[str], int]] = []

    def upsert(self, obj: Pod) -> None:
        self.lines.append(f"{obj.metadata.name}@{obj.metadata.resource_version}")

    def delete(self, obj: Pod) -> None:
        self.lines.append(f"-{obj.metadata.name}@{obj.metadata.resource_version}")

    def listed(self, uids: Set[str], version: int) -> None:
        self.lists.append((sorted(uids), version))


def a_pod(name: str, version: int, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}, **more}


def a_list(*pods: dict[str, Any], version: int = 10, more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(pods)}


def a_line(type_: str, obj: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": type_, "object": obj}) + b"\n"


@asynccontextmanager
async def running(wire: Wire) -> AsyncIterator[tuple[Informer[Pod], Notes]]:
    notes = Notes()
    watched: Informer[Pod] = Informer(
        wire,
        informer.path(informer.PODS, None),
        Pod,
        notes,
        monotonic=asyncio.get_running_loop().time,
        jitter=lambda: 0.0,
    )
    task = asyncio.create_task(watched.run())
    try:
        yield watched, notes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_every_listed_object_is_reported_before_the_informer_is_synced() -> None:
    wire = Wire()
    wire.answers.append(a_list(a_pod("a", 1), a_pod("b", 2)))
    async with running(wire) as (watched, notes):
        await watched.synced.wait()
        assert notes.lines == ["a@1", "b@2"]


async def test_a_long_list_is_read_page_by_page() -> None:
    wire = Wire()
    wire.answers.extend([a_list(a_pod("a", 1), more="more"), a_list(a_pod("b", 2))])
    async with running(wire) as (watched, notes):
        await watched.synced.wait()
    assert notes.lines == ["a@1", "b@2"]
    assert [query.get("continue") for _, _, query in wire.requests] == [None, "more"]


async def test_only_objects_with_our_label_are_requested() -> None:
    wire = Wire()
    wire.answers.append(a_list())
    async with running(wire):
        await asyncio.sleep(1)
    assert wire.requests[0][2]["labelSelector"] == "simjob.dev/uid"
    assert wire.watches[0]["labelSelector"] == "simjob.dev/uid"


async def test_a_change_split_over_chunks_is_reported() -> None:
    wire = Wire()
    wire.answers.append(a_list(a_pod("a", 1)))
    lines = a_line("MODIFIED", a_pod("a", 11)) + a_line("ADDED", a_pod("b", 12)) + a_line("DELETED", a_pod("a", 13))
    wire.streams.append([lines[:7], lines[7:150], lines[150:], Hang()])
    async with running(wire) as (_, notes):
        await asyncio.sleep(10)
    assert notes.lines == ["a@1", "a@11", "b@12", "-a@13"]


async def test_a_closed_watch_resumes_from_the_last_version_or_bookmark() -> None:
    wire = Wire()
    wire.answers.append(a_list(version=10))
    wire.streams.append([a_line("ADDED", a_pod("a", 11)), a_line("BOOKMARK", {"metadata": {"resourceVersion": "40"}})])
    async with running(wire):
        await asyncio.sleep(10)
    assert [watch["resourceVersion"] for watch in wire.watches] == ["10", "40"]
    assert len(wire.requests) == 1


async def test_an_object_missing_from_a_relist_is_reported_as_deleted() -> None:
    wire = Wire()
    wire.answers.extend([a_list(a_pod("a", 1), a_pod("b", 2)), a_list(a_pod("b", 2), a_pod("c", 30))])
    wire.streams.append([a_line("MODIFIED", a_pod("a", 11)), errors.UnavailableError("reset")])
    async with running(wire) as (_, notes):
        await asyncio.sleep(10)
    assert notes.lines == ["a@1", "b@2", "a@11", "c@30", "-a@11"]


async def test_an_object_recreated_under_the_same_name_is_a_new_one() -> None:
    wire = Wire()
    successor = a_pod("a", 30)
    successor["metadata"]["uid"] = "another"
    wire.answers.extend([a_list(a_pod("a", 1)), a_list(successor)])
    wire.streams.append([errors.UnavailableError("reset")])
    async with running(wire) as (_, notes):
        await asyncio.sleep(10)
    assert notes.lines == ["a@1", "a@30", "-a@1"]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(a_line("ERROR", {"code": 410, "message": "too old resource version"}), id="the version expired"),
        pytest.param(a_line("ERROR", {"code": 500, "message": "etcd"}), id="the API server reports an error"),
        pytest.param(b'{"type":"MODIFIED","object":{"metada', id="the line is truncated"),
        pytest.param(b"<html>\n", id="the line is not JSON"),
        pytest.param(b"\n", id="the line is empty"),
    ],
)
async def test_a_malformed_line_causes_a_relist(end: bytes) -> None:
    wire = Wire()
    wire.answers.extend([a_list(), a_list(a_pod("a", 30))])
    wire.streams.append([end])
    async with running(wire) as (_, notes):
        await asyncio.sleep(10)
    assert notes.lines == ["a@30"]


async def test_an_expired_resource_version_causes_a_relist() -> None:
    wire = Wire()
    wire.answers.extend([a_list(version=10), a_list(version=90)])
    wire.streams.append(errors.GoneError("too old", code=410))
    async with running(wire):
        await asyncio.sleep(10)
    assert [watch["resourceVersion"] for watch in wire.watches] == ["10", "90"]


async def test_a_silent_watch_is_given_up_after_75_seconds() -> None:
    wire = Wire()
    wire.answers.extend([a_list(version=10), a_list(version=90)])
    async with running(wire) as (watched, _):
        await asyncio.sleep(74)
        assert len(wire.requests) == 1
        assert asyncio.get_running_loop().time() - watched.last_seen == pytest.approx(74)
        await asyncio.sleep(3)
        assert len(wire.requests) == 2


async def test_consecutive_failures_back_off() -> None:
    wire = Wire(lambda *_: errors.UnavailableError("refused"))
    async with running(wire) as (watched, _):
        await asyncio.sleep(60)
        assert not watched.synced.is_set()
    assert 12 <= len(wire.requests) <= 30


async def test_the_informer_catches_up_within_five_seconds_of_a_ten_minute_outage() -> None:
    down = True
    wire = Wire(lambda *_: errors.ForbiddenError("403", code=403) if down else a_list(a_pod("a", 1)))
    async with running(wire) as (watched, notes):
        await asyncio.sleep(600)
        assert watched.age() < 10
        down = False
        await asyncio.sleep(5.1)
        assert notes.lines == ["a@1"]


async def test_a_server_that_closes_every_watch_causes_no_tight_loop() -> None:
    wire = Wire(lambda *_: a_list())
    wire.streams.extend([[] for _ in range(100)])
    async with running(wire):
        await asyncio.sleep(60)
    assert len(wire.watches) <= 30


async def test_an_unreadable_object_is_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire()
    strange = {"metadata": {"name": "strange", "uid": 7, "resourceVersion": "5"}}
    wire.answers.append(a_list(strange, a_pod("a", 1)))
    wire.streams.append([a_line("MODIFIED", strange), a_line("MODIFIED", a_pod("a", 6)), Hang()])
    with caplog.at_level(logging.WARNING):
        async with running(wire) as (_, notes):
            await asyncio.sleep(10)
    assert notes.lines == ["a@1", "a@6"]
    assert len(wire.requests) == 1
    assert [record.message for record in caplog.records] == ["skipped an object that cannot be decoded"] * 2


async def test_a_burst_of_events_does_not_block_the_loop() -> None:
    wire = Wire()
    wire.answers.append(a_list())
    wire.streams.append([b"".join(a_line("ADDED", a_pod(f"p{n}", 11 + n)) for n in range(500)), Hang()])
    async with running(wire) as (watched, notes):
        await watched.synced.wait()
        seen = set()
        while len(notes.lines) < 500:
            seen.add(len(notes.lines))
            await asyncio.sleep(0)
    assert len(seen) >= 9


def test_a_path_covers_one_namespace_or_all() -> None:
    assert informer.path(informer.JOBS, None) == "/apis/batch/v1/jobs"
    assert informer.path(informer.PODS, "lab") == "/api/v1/namespaces/lab/pods"
