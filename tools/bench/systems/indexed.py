"""Kubernetes' own Job controller: one Indexed Job with N completions, stopped by `suspend` or deleted."""

from typing import Any

from bench.children import Child
from bench.connection import send
from bench.report.timeline import Change, Key, Sweep
from bench.shape import Shape, template
from bench.world import World


class Indexed:
    """A native Indexed Job. `suspend: true` stops it and keeps its object, as `spec.cancel` does."""

    name = "indexed"
    # Its requests come from the controller manager.
    asks = ""
    sweeps = ""
    health = ""
    child: Child | None = None

    def __init__(self, world: World) -> None:
        self._world = world

    async def start(self) -> None:
        """Nothing: it runs in the controller manager."""

    async def stop(self) -> None:
        """Nothing, as above."""

    async def create(self, key: Key, shape: Shape) -> float:
        """Create the Job; the time is that of its sending."""
        return await send(self._world.http, "POST", _path(key), manifest(key, shape))

    async def cancel(self, key: Key) -> float:
        """Suspend the Job."""
        return await send(self._world.http, "PATCH", f"{_path(key)}/{key.name}", {"spec": {"suspend": True}})

    def said_cancelled(self, sweep: Sweep) -> Change | None:
        """Its condition says Suspended."""
        return next((change for change in sweep.said if change.state == "Suspended"), None)


class IndexedDelete(Indexed):
    """The same Job, deleted as `kubectl delete` does it: in the background."""

    name = "indexed-delete"

    async def cancel(self, key: Key) -> float:
        """Delete the Job."""
        return await send(self._world.http, "DELETE", f"{_path(key)}/{key.name}", {"propagationPolicy": "Background"})

    def said_cancelled(self, sweep: Sweep) -> Change | None:
        """The Job is gone: nobody can see more of it."""
        return next((change for change in sweep.said if change.gone), None)


def manifest(key: Key, shape: Shape) -> dict[str, Any]:
    """Give the Job of a shape."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": key.name},
        "spec": {
            "completionMode": "Indexed",
            "completions": shape.cases,
            "parallelism": shape.at_once,
            "backoffLimit": 0,
            "template": template(key.name, shape, restartPolicy="Never", automountServiceAccountToken=False),
        },
    }


def _path(key: Key) -> str:
    return f"/apis/batch/v1/namespaces/{key.namespace}/jobs"
