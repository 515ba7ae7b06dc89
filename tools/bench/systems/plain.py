"""The plain kopf operator as a system: its own CustomResourceDefinition, `kopf run`, and its `status.phase`."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
from cluster.host import addresses

from bench.children import Child
from bench.connection import send
from bench.errors import TrialError
from bench.report.timeline import Change, Key, Sweep
from bench.shape import Shape, template
from bench.systems import plain_operator
from bench.world import World

_API = f"/apis/{plain_operator.GROUP}/{plain_operator.VERSION}"
PATH = f"{_API}/{plain_operator.PLURAL}"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{plain_operator.PLURAL}.{plain_operator.GROUP}"},
    "spec": {
        "group": plain_operator.GROUP,
        "names": {"kind": "Sweep", "plural": plain_operator.PLURAL, "singular": "sweep"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": plain_operator.VERSION,
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING, "status": _ANYTHING}}
                },
            }
        ],
    },
}


class Plain:
    """Creates Sweeps and cancels them by `spec.cancel`."""

    name = "plain"
    asks = "plain"
    sweeps = PATH
    health = ""

    def __init__(self, world: World) -> None:
        self._world = world
        self.child: Child | None = None

    async def start(self) -> None:
        """Start it; return when it says that it lives."""
        port = addresses.free_ports(["health"])["health"]
        health = f"http://127.0.0.1:{port}/healthz"
        program = Path(plain_operator.__file__)
        self.child = await Child.start(
            "the plain operator",
            ["-m", "kopf", "run", "--standalone", "--all-namespaces", f"--liveness={health}", str(program)],
            self._world.folder / "plain.log",
            KUBECONFIG=str(self._world.accounts["plain"]),
        )
        limit = time.monotonic() + 60
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(health) as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                self.child.require()
                if time.monotonic() > limit:
                    raise TrialError("the plain operator does not live after 60 s")
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End it as a kubelet does."""
        if self.child:
            await self.child.end()

    async def create(self, key: Key, shape: Shape) -> float:
        """Create the Sweep; the time is that of its sending."""
        body = {
            "apiVersion": f"{plain_operator.GROUP}/{plain_operator.VERSION}",
            "kind": "Sweep",
            "metadata": {"name": key.name},
            "spec": {
                "cases": shape.cases,
                "template": template(key.name, shape, restartPolicy="Never", automountServiceAccountToken=False),
            },
        }
        return await send(self._world.http, "POST", _path(key), body)

    async def cancel(self, key: Key) -> float:
        """Set `spec.cancel`; the time is that of its sending."""
        return await send(self._world.http, "PATCH", f"{_path(key)}/{key.name}", {"spec": {"cancel": True}})

    def said_cancelled(self, sweep: Sweep) -> Change | None:
        """Its phase says CANCELLED."""
        return next((change for change in sweep.said if change.state == "CANCELLED"), None)


def _path(key: Key) -> str:
    return f"{_API}/namespaces/{key.namespace}/{plain_operator.PLURAL}"
