"""The operator of this repository, from source, one replica."""

import asyncio
import time
from typing import Any

import aiohttp
from cluster.deploy import NAMESPACE
from cluster.host import addresses
from simjob.api import names

from bench.children import Child
from bench.connection import send
from bench.errors import TrialError
from bench.report.timeline import Change, Key, Sweep
from bench.shape import Shape, template
from bench.world import World

PATH = f"/apis/{names.API_VERSION}/{names.PLURAL}"


class SimJob:
    """Creates SimulationJobs and cancels them by `spec.cancel`."""

    name = "simjob"
    asks = "operator"
    sweeps = PATH

    def __init__(self, world: World, *, election: bool = False) -> None:
        self._world = world
        self._election = election
        self.child: Child | None = None
        self.health = ""

    async def start(self) -> None:
        """Start the operator; return when its caches are filled."""
        await self.spawn()
        await self.ready(60)

    async def ready(self, patience: float) -> None:
        """Wait until its caches are filled; TrialError if it ends, or takes longer than this."""
        limit = time.monotonic() + patience
        async with aiohttp.ClientSession() as http:
            while not await _answers(http, f"{self.health}/readyz"):
                if self.child:
                    self.child.require()
                if time.monotonic() > limit:
                    raise TrialError(f"the operator is not ready after {patience:.0f} s")
                await asyncio.sleep(0.05)

    async def spawn(self) -> None:
        """Start the operator's process, without waiting for anything."""
        port = addresses.free_ports(["health"])["health"]
        self.health = f"http://127.0.0.1:{port}"
        self.child = await Child.start(
            "the operator",
            ["-m", "simjob", "--leader-election" if self._election else "--no-leader-election"],
            self._world.folder / "operator.log",
            PYTHONPATH=str(self._world.checkout / "operator"),
            KUBECONFIG=str(self._world.accounts["operator"]),
            SIMJOB_HEALTH_HOST="127.0.0.1",
            SIMJOB_HEALTH_PORT=str(port),
            SIMJOB_LEASE_NAMESPACE=NAMESPACE,
        )

    async def stop(self) -> None:
        """End it as a kubelet does."""
        if self.child:
            await self.child.end()

    async def create(self, key: Key, shape: Shape) -> float:
        """Create the SimulationJob; the time is that of its sending."""
        return await send(self._world.http, "POST", _path(key), manifest(key, shape))

    async def cancel(self, key: Key) -> float:
        """Set `spec.cancel`; the time is that of its sending."""
        return await send(self._world.http, "PATCH", f"{_path(key)}/{key.name}", {"spec": {"cancel": True}})

    async def delete(self, key: Key) -> float:
        """Delete it, as `kubectl delete` does; the time is that of its sending."""
        body = {"propagationPolicy": "Background"}
        return await send(self._world.http, "DELETE", f"{_path(key)}/{key.name}", body)

    def said_cancelled(self, sweep: Sweep) -> Change | None:
        """Its phase says CANCELLED."""
        return next((change for change in sweep.said if change.state == "CANCELLED"), None)


def manifest(key: Key, shape: Shape) -> dict[str, Any]:
    """Give the SimulationJob of a shape."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": key.name, "namespace": key.namespace},
        "spec": {
            "cases": {"count": shape.cases},
            "parallelism": shape.at_once,
            "retries": {"limit": 0},
            "failurePolicy": {"maxFailedCases": "100%"},
            "template": template(key.name, shape),
        },
    }


def _path(key: Key) -> str:
    return f"/apis/{names.API_VERSION}/namespaces/{key.namespace}/{names.PLURAL}"


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
