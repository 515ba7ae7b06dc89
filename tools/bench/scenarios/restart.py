"""The operator is killed, and cases end meanwhile: how soon does a new one continue?"""

import asyncio
import signal
import time
from typing import Any

from bench.connection import ask
from bench.errors import TrialError
from bench.report.measures import Measures
from bench.report.timeline import Key
from bench.systems.simjob import SimJob
from bench.trial import Stage

ENDED = 50


async def measure(stage: Stage) -> Measures:
    """Kill it, let cases end, start it, wait until their successors exist.

    The successors' pods are what only an operator can make that has read everything: its own word is not needed.
    """
    system = stage.system
    if not isinstance(system, SimJob) or system.child is None:
        raise TrialError("only the operator is restarted")
    key = await stage.place()
    live = stage.shape.at_once
    await stage.create(key)
    await stage.world.observed.reach(key, lambda now: now.running >= live, stage.patience, f"not {live} pods run")
    await asyncio.sleep(3)
    await system.child.end(signal.SIGKILL)
    ended = min(ENDED, live // 2, stage.shape.cases - live)
    await _end(stage, key, ended)
    wanted = live + ended
    started = time.monotonic()
    await system.spawn()
    await stage.world.observed.reach(key, lambda now: now.created >= wanted, 120, "no successors after the restart")
    created = sorted(pod.created for pod in stage.sweep(key).pods.values())
    return {"caught_up": created[wanted - 1] - started}


async def _end(stage: Stage, key: Key, number: int) -> None:
    """Let pods end as a kubelet would say it, and wait until the observer has seen it."""
    http = stage.world.http
    pods: list[dict[str, Any]] = (await ask(http, "GET", f"/api/v1/namespaces/{key.namespace}/pods"))["items"]
    body = {"status": {"phase": "Succeeded"}}
    running = [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]
    for name in running[:number]:
        await ask(http, "PATCH", f"/api/v1/namespaces/{key.namespace}/pods/{name}/status", body)
    await stage.world.observed.reach(key, lambda now: now.ended >= number, 30, "the pods have not ended")
