"""SimulationJobs that tests create and follow."""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from integration.support import client as paths
from integration.support.client import Client, Object, RefusedError
from integration.support.oracles import violations
from integration.support.watching import Seen, Watcher

PATIENCE_SECONDS = 40.0
TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")
# For `a_template(start=HELD, stop=HELD)`: until the test calls `Sweep.let_start` or `Sweep.let_stop`.
HELD: Final = 3600.0


def eventually(
    holds: Callable[[], bool], explain: Callable[[], str], seconds: float = PATIENCE_SECONDS, pause: float = 0.1
) -> None:
    """Wait until it holds."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"not within {seconds:.0f} s; {explain()}"
        time.sleep(pause)


def a_template(
    *,
    run: float | None = None,
    exit_code: int | None = None,
    stop: float | None = None,
    start: float | None = None,
    **spec: Any,
) -> Object:
    """Make a pod template for fake nodes: how long it runs, how it ends, how long stopping and starting take.

    Without `run` a pod runs until `Sweep.end_running` or `Sweep.end_all` ends it. A state that a test must see, or in
    which it must act, lasts until the test ends it: a state of some seconds is over before a slow machine looks.
    """
    given = {"run-seconds": run, "exit-code": exit_code, "termination-seconds": stop, "start-seconds": start}
    notes = {f"kwok.simjob.dev/{key}": f"{value:g}" for key, value in given.items() if value is not None}
    container = {"name": "simulation", "image": "none"}
    return {"metadata": {"annotations": notes}, "spec": {"containers": [container], **spec}}


class Place:
    """A namespace of a test, everything that happens in it, and the sweeps that the test makes there."""

    def __init__(self, client: Client, name: str, operator_log: Callable[[], str]) -> None:
        self.client = client
        self.name = name
        self.operator_log = operator_log
        self.sweeps = Watcher(client, paths.simulationjobs(name))
        self.jobs = Watcher(client, paths.jobs(name))
        self.pods = Watcher(client, paths.pods(name))

    def apply(self, name: str = "sweep", *, template: Object | None = None, **spec: Any) -> "Sweep":
        """Create a SimulationJob; keywords are fields of its spec, None leaves one out."""
        given = {"cases": {"count": 3}, "template": template or a_template(), **spec}
        content = {key: value for key, value in given.items() if value is not None}
        body = {
            "apiVersion": "simjob.dev/v1beta1",
            "kind": "SimulationJob",
            "metadata": {"name": name},
            "spec": content,
        }
        made = self.client.create(paths.simulationjobs(self.name), body)
        return Sweep(self, name, made["metadata"]["uid"])

    def settle(self) -> None:
        """Wait until all that has happened is recorded."""
        for watcher in (self.sweeps, self.jobs, self.pods):
            watcher.settle()

    def settle_children(self) -> None:
        """Wait until all that has happened to Jobs and pods is recorded."""
        for watcher in (self.jobs, self.pods):
            watcher.settle()

    def violations(self) -> list[str]:
        """Say what was not as it must be, up to now."""
        self.settle()
        return violations(self.sweeps.history, self.pods.history, self.jobs.history)

    def explain(self) -> str:
        """Return what a person needs who looks at a failure: each SimulationJob's status, pods and log."""
        there = [seen.object["metadata"] for seen in self.sweeps.live()]
        return "\n".join(Sweep(self, found["name"], found["uid"]).explain() for found in there)

    def leave(self) -> None:
        """Stop watching; delete what is left, without waiting for it."""
        for watcher in (self.sweeps, self.jobs, self.pods):
            watcher.stop()
        self.client.delete(paths.simulationjobs(self.name))


class Sweep:
    """A SimulationJob in a place."""

    def __init__(self, place: Place, name: str, uid: str) -> None:
        self.place = place
        self.name = name
        self.uid = uid
        self.path = paths.simulationjobs(place.name, name)

    @property
    def client(self) -> Client:
        return self.place.client

    @property
    def status(self) -> Object:
        found: Object = self.client.get(self.path).get("status", {})
        return found

    @property
    def history(self) -> list[Seen]:
        return self.place.sweeps.of(self.uid)

    @property
    def pods(self) -> list[Object]:
        """Its pods that are there, ended or not."""
        return self._children(self.place.pods)

    @property
    def live_pods(self) -> list[Object]:
        return [pod for pod in self.pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]

    @property
    def running_pods(self) -> list[Object]:
        return [pod for pod in self.pods if pod.get("status", {}).get("phase") == "Running"]

    @property
    def jobs(self) -> list[Object]:
        return self._children(self.place.jobs)

    @property
    def pod_names(self) -> list[str]:
        """The names of all pods that it ever had, in the order of their making."""
        found = [seen for seen in self.place.pods.history.copy() if _owner(seen.object) == self.uid]
        return list(dict.fromkeys(seen.name for seen in found))

    @property
    def job_names(self) -> list[str]:
        found = [seen for seen in self.place.jobs.history.copy() if _owner(seen.object) == self.uid]
        return list(dict.fromkeys(seen.name for seen in found))

    def patch(self, **spec: Any) -> Object:
        return self.client.patch(self.path, {"spec": spec})

    def cancel(self, reason: str = "wrong mesh") -> Object:
        return self.patch(cancel=True, cancelReason=reason)

    def delete(self, propagation: str = "Background") -> None:
        self.client.delete(self.path, propagation)

    def wait(self, holds: Callable[[Object], bool], what: str, seconds: float = PATIENCE_SECONDS) -> Object:
        """Wait until the status is as wanted, and return it. All that happened to Jobs and pods before is recorded."""
        found: Object = {}

        def look() -> bool:
            nonlocal found
            found = self.status
            return bool(holds(found))

        eventually(look, lambda: f"waiting for {what}; {self.explain()}", seconds)
        self.place.settle_children()
        return found

    def wait_observed(self) -> Object:
        """Wait until the operator has looked at the newest spec, and return the status."""
        generation = self.client.get(self.path)["metadata"]["generation"]
        return self.wait(lambda status: status.get("observedGeneration") == generation, "the newest spec is observed")

    def wait_phase(self, *phases: str, seconds: float = PATIENCE_SECONDS) -> Object:
        """Wait for one of the phases; any other end fails at once."""
        found = self.wait(lambda status: status.get("phase") in (*phases, *TERMINAL), f"{' or '.join(phases)}", seconds)
        assert found["phase"] in phases, f"the phase is {found['phase']}, not {phases}; {self.explain()}"
        return found

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        eventually(holds, lambda: f"waiting until {what}; {self.explain()}", seconds)

    def wait_running(self, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until this many pods run."""
        self.wait_until(lambda: len(self.running_pods) == count, f"{count} pods run", seconds)

    def statuses(self) -> list[Object]:
        """Return all statuses that it ever had: also those that were over before the test could look."""
        self.place.sweeps.settle()
        return [seen.object.get("status", {}) for seen in self.history]

    def end_running(self) -> None:
        """Let the simulations that run now end, with the exit code of their template."""
        self._play(self.running_pods, "run-seconds")

    def let_start(self) -> None:
        """Let the containers of the pods that are there start, if they have not."""
        self._play(self.live_pods, "start-seconds")

    def let_stop(self) -> None:
        """Let the pods that are there stop as soon as they are asked to."""
        self._play(self.live_pods, "termination-seconds")

    def end_all(self, *phases: str, seconds: float = PATIENCE_SECONDS) -> Object:
        """Let every simulation end as soon as it runs, until the sweep has ended in one of the phases."""

        def has_ended(status: Object) -> bool:
            self.end_running()
            return status.get("phase") in TERMINAL

        self.wait(has_ended, "the end", seconds)
        return self.wait_phase(*phases)

    def wait_cleared(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until nothing of it is left."""
        self.wait_until(lambda: not self.pods and not self.jobs, "no Job and no pod is left", seconds)

    def explain(self) -> str:
        """Say all that a person needs who looks at a failure."""
        stored = self.client.find(self.path)
        pods = [f"{pod['metadata']['name']}: {pod.get('status', {}).get('phase')}" for pod in self.pods[:10]]
        return "\n".join(
            (
                f"{self.place.name}/{self.name}",
                f"status: {json.dumps((stored or {}).get('status'), indent=1)}",
                f"{len(self.jobs)} Jobs, {len(self.pods)} pods, of these: {pods}",
                f"the operator's log:\n{self.place.operator_log()}",
            )
        )

    def _play(self, pods: list[Object], what: str) -> None:
        """Have the fake nodes do this with pods at once, whatever their template says."""
        note = f"kwok.simjob.dev/{what}"
        for pod in pods:
            if pod["metadata"].get("annotations", {}).get(note) == "0":
                continue
            try:
                self.client.patch(
                    paths.pods(self.place.name, pod["metadata"]["name"]), {"metadata": {"annotations": {note: "0"}}}
                )
            except RefusedError as refused:
                # The pod has gone since.
                if refused.code != HTTPStatus.NOT_FOUND:
                    raise

    def _children(self, watcher: Watcher) -> list[Object]:
        return [seen.object for seen in watcher.live() if _owner(seen.object) == self.uid]


def _owner(item: Object) -> str:
    return str(item["metadata"].get("labels", {}).get("simjob.dev/uid", ""))


def failed_for(sweep: Sweep) -> set[str]:
    """Give the reasons of the condition Failed of the sweep's Jobs."""
    found = (job["status"].get("conditions", []) for job in sweep.jobs)
    return {each["reason"] for conditions in found for each in conditions if each["type"] == "Failed"}


def condition(status: Object, kind: str) -> str:
    """Give a condition's status."""
    return next((str(found["status"]) for found in status.get("conditions", []) if found["type"] == kind), "absent")


def environment(pod: Object) -> dict[str, str]:
    """Give the environment of a pod's first container."""
    return {item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]}
