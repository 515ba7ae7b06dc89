"""What the tests of GitOps tools commit, and how they find what is deployed."""

from typing import Any

from integration.gitops.gitops import in_git
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template, eventually

CANCEL = '{"cancel":true,"cancelReason":"wrong mesh"}'
SHORT = a_template(run=2)
FAILING = a_template(run=2, exit_code=1)
# Values that the API server stores in another form, or that a tool might compare as something else.
ODD = {
    "wing/sweep.yaml": """
apiVersion: simjob.dev/v1beta1
kind: SimulationJob
metadata:
  name: sweep
spec:
  cases:
    matrix:
      - {name: re, values: [1.0e+5, 1.0, -0.0]}
  resources: {cpu: 2000m, memory: 0.5Gi, storage: 1000000}
  history: {}
  retries: {}
  template:
    spec:
      nodeSelector: {}
      containers:
        - {name: simulation, image: none, env: [], resources: {limits: {cpu: 2}}}
"""
}
# A SimulationJob whose table has a row that is too short.
UNREADABLE: dict[str, Object] = {
    "wing/cases.yaml": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "table"},
        "data": {"cases.csv": "mesh,re\ncoarse\n"},
    },
    "wing/sweep.yaml": in_git(cases={"configMap": {"name": "table", "key": "cases.csv"}}),
}


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


def submitter(sweep: Sweep) -> str:
    """Return the account that created a sweep, by the component attribution."""
    return str(sweep.client.get(sweep.path)["metadata"]["annotations"]["simjob.dev/submitted-by"])
