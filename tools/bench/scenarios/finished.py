"""Many finished sweeps are kept: what they cost a leader and a follower, and how soon both know them.

The benchmark itself writes them as finished, while no operator runs: what counts is that they exist.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.connection import ask
from bench.errors import TrialError
from bench.report.measures import Measures
from bench.report.timeline import Key
from bench.systems.simjob import SimJob, manifest
from bench.trial import Stage

WRITERS = 8
# Seconds. Long enough for the first collection of garbage after the lists.
SETTLE_SECONDS = 15
PATIENCE_SECONDS = 120
# A list of twenty of these objects takes some 0.2 s on an API server that does nothing else.
AT_ONCE_SECONDS = 0.5


async def measure(stage: Stage) -> Measures:
    """Write all, start one replica after the other, as a rollout does; then change each sweep's labels once."""
    leader = stage.system
    if not isinstance(leader, SimJob):
        raise TrialError("only the operator keeps finished sweeps in memory")
    place = await stage.place("finished-0")
    keys = [Key(place.namespace, f"finished-{index}") for index in range(stage.shape.sweeps)]
    await leader.stop()
    await _each(keys, lambda key: _write(stage, key))
    await _caught_up(stage)
    follower = SimJob(stage.world, election=True)
    try:
        filled = [await _filled(leader), await _filled(follower)]
        await _each(keys, lambda key: _label(stage, key))
        await asyncio.sleep(SETTLE_SECONDS)
        if leader.child is None or follower.child is None or not follower.child.is_running:
            raise TrialError("a replica has ended")
        leader.child.require()
        usage = follower.child.usage()
        found = {"caches_filled": max(filled), "follower_mib": usage.peak}
    finally:
        await follower.stop()
        # A list of them all, by which a trial is cleared otherwise, would be held in memory whole.
        await _each(keys, leader.delete)
    return found


async def _caught_up(stage: Stage) -> None:
    """Wait until the API server has worked off what was written: until it answers a list at once.

    After so many writes its watch cache is behind for some seconds, and each consistent list waits for it.
    """
    await stage.world.calm()
    path = f"{SimJob.sweeps}?limit=20"
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        started = time.monotonic()
        await ask(stage.world.http, "GET", path)
        if time.monotonic() - started < AT_ONCE_SECONDS:
            return
        if time.monotonic() > limit:
            raise TrialError("the API server still needs long for a short list")
        await asyncio.sleep(1)


async def _filled(replica: SimJob) -> float:
    """Start a replica; return after how many seconds it said that it knows everything."""
    started = time.monotonic()
    await replica.spawn()
    await replica.ready(PATIENCE_SECONDS)
    return time.monotonic() - started


async def _write(stage: Stage, key: Key) -> None:
    body = manifest(key, stage.shape)
    body["spec"] = {**body["spec"], "cases": {"list": listed(stage.shape.cases)}}
    path = f"{SimJob.sweeps.rpartition('/')[0]}/namespaces/{key.namespace}/simulationjobs"
    await ask(stage.world.http, "POST", path, body)
    await ask(stage.world.http, "PATCH", f"{path}/{key.name}/status", {"status": status(stage.shape.cases)})


async def _label(stage: Stage, key: Key) -> None:
    path = f"{SimJob.sweeps.rpartition('/')[0]}/namespaces/{key.namespace}/simulationjobs/{key.name}"
    await ask(stage.world.http, "PATCH", path, {"metadata": {"labels": {"seen": "again"}}})


async def _each(keys: list[Key], work: Callable[[Key], Awaitable[Any]]) -> None:
    left = iter(keys)

    async def worker() -> None:
        for key in left:
            await work(key)

    await asyncio.gather(*(worker() for _ in range(WRITERS)))


def listed(cases: int) -> list[dict[str, Any]]:
    """Give cases as users list them: a name and a few parameters each."""
    return [
        {"name": f"case-{index:05d}", "parameters": {"alpha": index * 0.37, "beta": index, "mesh": "fine", "seed": 7}}
        for index in range(cases)
    ]


def status(cases: int) -> dict[str, Any]:
    """Give the status of a sweep whose cases have all succeeded, as the operator writes it."""
    at, message = "2026-01-02T03:04:05Z", f"all {cases} cases succeeded"
    truths = {"Finished": "True", "Succeeded": "True", "Cancelled": "False", "Suspended": "False"}
    truths |= {"Reconciling": "False", "Stalled": "False"}
    conditions = [
        {
            "type": kind,
            "status": truth,
            "reason": "Completed",
            "message": message,
            "lastTransitionTime": at,
            "observedGeneration": 1,
        }
        for kind, truth in truths.items()
    ]
    return {
        "observedGeneration": 1,
        "phase": "COMPLETED",
        "reason": "Completed",
        "message": message,
        "isTerminal": True,
        "isFailed": False,
        "conditions": conditions,
        "cases": {
            "total": cases,
            "pending": 0,
            "assigned": 0,
            "running": 0,
            "succeeded": cases,
            "failed": 0,
            "cancelled": 0,
        },
        "failures": [],
        "progress": f"{cases}/{cases}",
        "succeededIndexes": f"0-{cases - 1}",
        "failedIndexes": "",
        "cancelledIndexes": "",
        "startTime": at,
        "completionTime": at,
        "restarts": 0,
        # Also the earlier form of these fields (api/earlierstatus.py): without it the operator would write it.
        "ledger": {"succeeded": f"0-{cases - 1}", "failed": "", "cancelled": ""},
        "round": 0,
    }
