"""The observer's watch, against an API server that answers from a script."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from bench.errors import BenchError
from bench.observing.observer import Watch
from bench.report.timeline import LABEL, Change, Key, Kind


def a_pod(version: int, phase: str = "Pending", *, signalled: bool = False) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": str(version), "labels": {LABEL: "sweep"}}
    if signalled:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "status": {"phase": phase, "podIP": "10.0.0.1"}}


def a_line(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


@asynccontextmanager
async def watching(kind: Kind, listed: list[dict[str, Any]], *chunks: bytes) -> AsyncIterator[list[Change]]:
    """Watch what a server lists and then streams in these chunks; return what the observer reports."""
    told: list[Change] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "5"}, "items": listed})
        assert request.query["resourceVersion"] == "5"
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)
        return response

    app = web.Application()
    app.router.add_get("/things", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as http:
            task = asyncio.create_task(Watch(http, kind, "/things", told.append).run())
            await asyncio.sleep(0.02 * (len(chunks) + 3))
            if task.done():
                task.result()
            yield told
            task.cancel()
    finally:
        await runner.cleanup()


async def test_listed_objects_and_changes_are_reported_in_order() -> None:
    lines = a_line("MODIFIED", a_pod(6, "Running")), a_line("DELETED", a_pod(7, "Running", signalled=True))
    async with watching(Kind.POD, [a_pod(4)], *lines) as told:
        assert [(one.version, one.state, one.signalled, one.gone) for one in told] == [
            (4, "Pending", False, False),
            (6, "Running", False, False),
            (7, "Running", True, True),
        ]
        assert told[0].key == Key("ns", "sweep")
        assert told[0].at < told[1].at < told[2].at


async def test_a_line_in_two_chunks_is_one_change() -> None:
    line = a_line("ADDED", a_pod(6, "Running"))
    async with watching(Kind.POD, [], line[:40], line[40:]) as told:
        assert [one.version for one in told] == [6]


async def test_changes_of_unmeasured_objects_are_ignored() -> None:
    bookmark = a_line("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    async with watching(Kind.POD, [a_pod(4)], a_line("MODIFIED", a_pod(6)), bookmark) as told:
        assert [one.version for one in told] == [4]


async def test_a_watch_that_lost_changes_ends_the_run() -> None:
    error = a_line("ERROR", {"metadata": {}, "code": 410})
    with pytest.raises(BenchError, match="lost its watch of /things"):
        async with watching(Kind.POD, [], error):
            pass


async def test_the_phase_of_a_job_is_its_deciding_condition() -> None:
    conditions = [{"type": "Suspended", "status": "True"}, {"type": "Complete", "status": "False"}]
    job = {"metadata": {"name": "j", "namespace": "ns", "uid": "u"}, "status": {"conditions": conditions}}
    async with watching(Kind.JOB, [job]) as told:
        assert [(one.key, one.state) for one in told] == [(Key("ns", "j"), "Suspended")]


async def test_a_sweeps_status_is_measured_in_bytes() -> None:
    sweep = {"metadata": {"name": "s", "namespace": "ns", "uid": "u"}, "status": {"phase": "RUNNING"}}
    async with watching(Kind.SWEEP, [sweep]) as told:
        assert [(one.state, one.size) for one in told] == [("RUNNING", len('{"phase": "RUNNING"}'))]
