"""What the tests of GitOps tools commit, and how they find what is deployed."""

from typing import Any

from integration.gitops.gitops import in_git
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template, eventually

CANCEL = '{"cancel":true,"cancelReason":"wrong mesh"}'
SHORT = a_template(run=2)


def named(name: str, **spec: Any) -> Object:
    """Make the manifest of a sweep with another name than `sweep`."""
    found = in_git(**spec)
    return {**found, "metadata": {**found["metadata"], "name": name}}


def only(**spec: Any) -> dict[str, Object]:
    """Make the content of a repository with one sweep."""
    return {"wing/sweep.yaml": in_git(**spec)}


def two(first: Object, second: Object) -> dict[str, Object]:
    """Make the content of a repository with two sweeps."""
    return {"wing/sweep.yaml": first, "wing/tail.yaml": second}


def sweep_of(place: Place, name: str = "sweep") -> Sweep:
    """Wait until a sweep is deployed, and return it."""
    path = Sweep(place, name, "").path
    eventually(lambda: place.client.find(path) is not None, lambda: f"{name} is not deployed")
    return Sweep(place, name, place.client.get(path)["metadata"]["uid"])
