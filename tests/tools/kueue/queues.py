"""A ClusterQueue for a test's namespace, and what Kueue makes of the Jobs there: Workloads."""

from collections.abc import Callable
from typing import Any, Final

from integration.queues.queueing import job_of
from integration.support.client import Object, RefusedError
from integration.support.sweeps import Place, Sweep, a_template, eventually
from integration.support.watching import Seen, Watcher

API: Final = "kueue.x-k8s.io/v1beta2"
CPU: Final = "cpu"
JOB_UID: Final = "kueue.x-k8s.io/job-uid"
# The name of each test's LocalQueue.
TEAM: Final = "team"


def one_cpu(**given: Any) -> Object:
    """Make a pod template that asks for one CPU; keywords as for `a_template`."""
    return asking(1, **given)


def asking(cpus: int, **given: Any) -> Object:
    """Make a pod template that asks for some CPUs."""
    container = {"name": "simulation", "image": "none", "resources": {"requests": {CPU: str(cpus)}}}
    return a_template(**{"containers": [container], **given})


def condition(item: Object, kind: str) -> Object:
    """Return a condition; one that is False and says nothing if there is none."""
    found = item.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), {"status": "False", "reason": "", "message": ""})


class Queues:
    """A ClusterQueue, its flavors, and a LocalQueue in a place; all but the LocalQueue have names of the place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.workloads = Watcher(place.client, _path("workloads", place.name))
        self._made: list[str] = []

    def make(self, cpus: int, *flavors: Object, **spec: Any) -> None:
        """Make the ClusterQueue and the LocalQueue; keywords are fields of the ClusterQueue's spec.

        `flavors`: specs of ResourceFlavors, in Kueue's order of preference, each with this number of CPUs.
        """
        names = [f"{self.place.name}-{index}" for index in range(max(1, len(flavors)))]
        for name, flavor in zip(names, flavors or ({},), strict=True):
            self.create("ResourceFlavor", "resourceflavors", name, flavor)
        quotas = [{"name": name, "resources": [{"name": CPU, "nominalQuota": str(cpus)}]} for name in names]
        given = {"namespaceSelector": {}, "resourceGroups": [{"coveredResources": [CPU], "flavors": quotas}], **spec}
        self.create("ClusterQueue", "clusterqueues", self.place.name, given)
        self.make_local_queue()

    def make_local_queue(self) -> None:
        """Make the LocalQueue, and wait until Kueue uses it."""
        metadata = {"name": TEAM}
        body = {
            "apiVersion": API,
            "kind": "LocalQueue",
            "metadata": metadata,
            "spec": {"clusterQueue": self.place.name},
        }
        path = _path("localqueues", self.place.name)
        self.place.client.create(path, body)
        eventually(
            lambda: condition(self.place.client.get(f"{path}/{TEAM}"), "Active")["status"] == "True",
            lambda: f"the LocalQueue is not active: {self.place.client.get(f'{path}/{TEAM}')}",
        )

    def make_priority(self, name: str, value: int) -> str:
        """Make a WorkloadPriorityClass; return its name, which no other test uses."""
        found = f"{self.place.name}-{name}"
        body = {"apiVersion": API, "kind": "WorkloadPriorityClass", "metadata": {"name": found}, "value": value}
        self._create("workloadpriorityclasses", body)
        return found

    def create(self, kind: str, plural: str, name: str, spec: Object) -> None:
        """Make an object that belongs to no namespace, until `leave`."""
        self._create(plural, {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec})

    def patch(self, **spec: Any) -> None:
        """Change the ClusterQueue."""
        self.place.client.patch(_path("clusterqueues", name=self.place.name), {"spec": spec})

    def status(self) -> Object:
        """Return the status of the ClusterQueue."""
        found: Object = self.place.client.get(_path("clusterqueues", name=self.place.name))["status"]
        return found

    def used(self) -> int:
        """Return the CPUs that are reserved, as Kueue says."""
        flavors = self.status().get("flavorsReservation", [])
        return sum(int(each["total"]) for flavor in flavors for each in flavor["resources"])

    def wait_free(self) -> None:
        """Wait until nothing is reserved."""
        eventually(lambda: self.used() == 0, lambda: f"{self.used()} CPUs are reserved: {self.status()}")

    def workload(self, sweep: Sweep, index: int) -> Object | None:
        """Return the Workload of a case's Job."""
        uid = job_of(sweep, index)["metadata"]["uid"]
        live = (seen.object for seen in self.workloads.live())
        return next((each for each in live if each["metadata"]["labels"].get(JOB_UID) == uid), None)

    def evictions(self, sweep: Sweep, index: int) -> dict[str, int]:
        """Return how often Kueue evicted a case, by its reasons."""
        found = (self.workload(sweep, index) or {}).get("status", {}).get("schedulingStats", {}).get("evictions", [])
        return {each["reason"]: each["count"] for each in found}

    def most_reserved(self) -> int:
        """Return the largest number of Workloads that had quota at one time."""
        self.workloads.settle()
        return _most(self.workloads.history, _has_quota)

    def leave(self) -> None:
        """Delete all of it, without waiting for it."""
        self.workloads.stop()
        for path in reversed(self._made):
            self.place.client.delete(path)

    def _create(self, plural: str, body: Object) -> None:
        path = _path(plural)
        # Kueue's webhook answers only some moments after its start.
        eventually(lambda: self._is_created(path, body), lambda: f"{body} is refused", seconds=20)
        self._made.append(f"{path}/{body['metadata']['name']}")

    def _is_created(self, path: str, body: Object) -> bool:
        try:
            self.place.client.create(path, body)
        except RefusedError as refused:
            if refused.code < 500:
                raise
            return False
        return True


def most_live(place: Place) -> int:
    """Return the largest number of pods that were live at one time: created and not ended, also while they stop."""
    place.settle()
    return _most(place.pods.history, lambda seen: seen.phase not in ("Succeeded", "Failed"))


def reason_of(sweep: Sweep, words: str) -> Object:
    """Wait until the status says that the queue holds the sweep, in these words; return it."""
    found = sweep.wait(lambda status: words in status.get("message", ""), words, seconds=75)
    assert found["reason"] == "QueuedByKueue"
    return found


def assert_no_failure(sweep: Sweep) -> None:
    """Neither a case nor an attempt counts as failed."""
    status = sweep.status
    assert (status["cases"]["failed"], status.get("failures", [])) == (0, []), sweep.explain()
    assert not any(job.get("status", {}).get("failed") for job in sweep.jobs), sweep.explain()


def _has_quota(seen: Seen) -> bool:
    is_over = condition(seen.object, "Finished")["status"] == "True"
    return condition(seen.object, "QuotaReserved")["status"] == "True" and not is_over


def _most(history: list[Seen], counts: Callable[[Seen], bool]) -> int:
    inside: set[str] = set()
    most = 0
    for seen in history.copy():
        (inside.add if counts(seen) and not seen.gone else inside.discard)(seen.uid)
        most = max(most, len(inside))
    return most


def _path(plural: str, namespace: str = "", name: str = "") -> str:
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{API}{place}/{plural}" + (f"/{name}" if name else "")
