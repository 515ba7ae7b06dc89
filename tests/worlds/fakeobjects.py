"""Objects in memory, as an API server keeps them: versions, names that are taken, watches that select by label.

The methods without an underscore play the kubelet, the scheduler and people with kubectl.
"""

import copy
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from simjob.api import names
from simjob.core.facts.apiobjects import Job, Pod
from simjob.core.waiting.notstarting import PodEvent
from simjob.runtime.client import errors
from simjob.runtime.cluster.calls import Event
from simjob.runtime.watching.informer import Sink
from simjob.runtime.watching.kopfhandlers import SimulationJobSink
from worlds.fakerules import check_quota, check_simulationjob, merged, timestamp

Raw = dict[str, Any]
NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeObjects:
    """Objects in memory. `calls` has the name of each call; `refuse` makes the next ones fail.

    `serves_workloads`: the CRD of Kueue's Workloads is installed.
    `quota`: how many of a resource its quota allows, such as `count/jobs.batch`, `count/pods` and `pods`.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: NOW) -> None:
        self.namespaces = {"default"}
        self.calls: list[str] = []
        self.events: list[Event] = []
        self.pod_events: list[tuple[str, str, PodEvent]] = []
        self.quota: Mapping[str, int] = {}
        self.serves_workloads = False
        self._clock = clock
        self._objects: dict[str, dict[tuple[str, str], Raw]] = {
            "jobs": {},
            "pods": {},
            "configmaps": {},
            names.PLURAL: {},
            names.KUEUE_WORKLOADS: {},
        }
        self._numbers = itertools.count(1)
        self._refusals: dict[str, list[Exception]] = defaultdict(list)
        self._selected: dict[str, Raw] = {}
        self._jobs_sink: Sink[Job] | None = None
        self._pods_sink: Sink[Pod] | None = None
        self._simulationjobs_sink: SimulationJobSink | None = None

    # Called by tests.

    def refuse(self, call: str, *errors_: Exception) -> None:
        """Make the next calls of this name raise these errors, one each."""
        self._refusals[call].extend(errors_)

    def watch(
        self,
        jobs: Sink[Job] | None = None,
        pods: Sink[Pod] | None = None,
        simulationjobs: SimulationJobSink | None = None,
    ) -> None:
        """Tells these of every change from now on, at once."""
        self._jobs_sink, self._pods_sink, self._simulationjobs_sink = jobs, pods, simulationjobs

    def objects(self, plural: str) -> Iterator[Raw]:
        """Gives copies of all jobs, pods, configmaps or simulationjobs."""
        return (copy.deepcopy(raw) for raw in list(self._objects[plural].values()))

    def apply(self, raw: Raw) -> Raw:
        """Creates a SimulationJob, or merges into the one of its name, as people do; its status stays."""
        wish = {key: value for key, value in copy.deepcopy(raw).items() if key != "status"}
        meta = wish["metadata"]
        for written_by_server in ("uid", "resourceVersion", "generation", "creationTimestamp"):
            meta.pop(written_by_server, None)
        old = self._objects[names.PLURAL].get((meta["namespace"], meta["name"]))
        if old is None:
            return self._create(names.PLURAL, meta["namespace"], wish)
        new = merged(old, wish)
        check_simulationjob(old, new)
        return self._update(names.PLURAL, new)

    def put_config_map(self, namespace: str, name: str, data: Mapping[str, str], **more: Any) -> None:
        """Create a ConfigMap as a user does."""
        self._create("configmaps", namespace, {"metadata": {"name": name}, "data": dict(data), **more})

    def put(self, plural: str, namespace: str, raw: Raw) -> Raw:
        """Make a Job or a pod as people do."""
        return self._create(plural, namespace, copy.deepcopy(raw))

    def put_workload(self, namespace: str, raw: Raw) -> None:
        """Make a Workload, or replace the one of its name, as Kueue does."""
        self._objects[names.KUEUE_WORKLOADS].pop((namespace, raw["metadata"]["name"]), None)
        self._create(names.KUEUE_WORKLOADS, namespace, copy.deepcopy(raw))

    def suspend_job(self, namespace: str, name: str, *, suspend: bool) -> None:
        """Suspend a Job or let it go, as a queue does."""
        self._update("jobs", merged(self._object("jobs", namespace, name), {"spec": {"suspend": suspend}}))

    def relabel(self, plural: str, namespace: str, name: str, **labels: str | None) -> None:
        """Change labels of an object, as `kubectl label` and policies do; None removes one."""
        patch = {"metadata": {"labels": {f"{names.GROUP}/{key}": value for key, value in labels.items()}}}
        self._update(plural, merged(self._object(plural, namespace, name), patch))

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """Remove an object at once, as an eviction of a whole node or `kubectl delete --force` does."""
        raw = self._objects[plural].pop((namespace, name))
        raw["metadata"]["resourceVersion"] = str(next(self._numbers))
        self._tell(plural, raw, deleted=True)

    def disown(self, plural: str, namespace: str) -> None:
        """Take the owners out of all objects, as a deletion that orphans or a restore does."""
        for raw in [copy.deepcopy(raw) for raw in self._in(plural, namespace)]:
            raw["metadata"].pop("ownerReferences", None)
            self._update(plural, raw)

    def set_pod(self, namespace: str, name: str, *, node: str | None = None, **status: Any) -> None:
        """Plays scheduler (`node`) and kubelet (fields of the status)."""
        raw = copy.deepcopy(self._object("pods", namespace, name))
        if node is not None:
            raw["spec"]["nodeName"] = node
        raw["status"] = merged(raw.get("status", {}), status)
        self._update("pods", raw)

    def tell_of_pod(self, namespace: str, name: str, reason: str, message: str, *, warning: bool = True) -> None:
        """Create an Event about a pod, as a kubelet does."""
        event = PodEvent(time=self._clock(), warning=warning, reason=reason, message=message)
        self.pod_events.append((namespace, self._object("pods", namespace, name)["metadata"]["uid"], event))

    def run_pod(self, namespace: str, name: str) -> None:
        """Plays a kubelet that starts the simulation."""
        state = {"running": {"startedAt": timestamp(self._clock())}}
        self.set_pod(namespace, name, phase="Running", containerStatuses=[{"name": "simulation", "state": state}])

    def end_pod(self, namespace: str, name: str, exit_code: int = 0, message: str = "", reason: str = "") -> None:
        """End a simulation with a message; a pod that was asked to stop is then gone."""
        before = self._object("pods", namespace, name)["status"].get("containerStatuses", [{}])
        reason = reason or ("Error" if exit_code else "Completed")
        end: Raw = {"exitCode": exit_code, "reason": reason, "message": message}
        if running := before[0].get("state", {}).get("running"):
            end |= running | {"finishedAt": timestamp(self._clock())}
        state = {"terminated": end}
        phase = "Failed" if exit_code else "Succeeded"
        self.set_pod(namespace, name, phase=phase, containerStatuses=[{"name": "simulation", "state": state}])
        if "deletionTimestamp" in self._object("pods", namespace, name)["metadata"]:
            self.remove("pods", namespace, name)

    # How it keeps them.

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        if self._refusals[call]:
            raise self._refusals[call].pop(0)

    def _need_namespace(self, namespace: str) -> None:
        if namespace not in self.namespaces:
            raise errors.NotFoundError(f'namespaces "{namespace}" not found', code=404, reason="NotFound")

    def _of(self, plural: str, namespace: str, owner_uid: str) -> list[Raw]:
        metas = ((raw["metadata"], raw) for raw in self._objects[plural].values())
        return [
            raw
            for meta, raw in metas
            if meta["namespace"] == namespace and meta.get("labels", {}).get(names.LABEL_UID) == owner_uid
        ]

    def _in(self, plural: str, namespace: str) -> Iterator[Raw]:
        return (raw for raw in self._objects[plural].values() if raw["metadata"]["namespace"] == namespace)

    def _has(self, plural: str, namespace: str, name: str, uid: str) -> bool:
        raw = self._objects[plural].get((namespace, name))
        return raw is not None and raw["metadata"]["uid"] == uid

    def _object(self, plural: str, namespace: str, name: str, uid: str | None = None) -> Raw:
        raw = self._objects[plural].get((namespace, name))
        if raw is None:
            raise errors.NotFoundError(f'{plural} "{name}" not found', code=404, reason="NotFound")
        if uid is not None and raw["metadata"]["uid"] != uid:
            raise errors.ConflictError("the uid is another", code=409, reason="Conflict")
        return raw

    def _create(self, plural: str, namespace: str, raw: Raw) -> Raw:
        self._need_namespace(namespace)
        meta = raw["metadata"]
        if (namespace, meta["name"]) in self._objects[plural]:
            raise errors.AlreadyExistsError(f'"{meta["name"]}" already exists', code=409, reason="AlreadyExists")
        if plural in ("jobs", "pods"):
            resource = {"jobs": "jobs.batch"}.get(plural, plural)
            check_quota(
                self.quota, resource, meta["name"], [_has_ended(found) for found in self._in(plural, namespace)]
            )
        meta.setdefault("uid", f"uid-{next(self._numbers)}")
        meta |= {"namespace": namespace, "creationTimestamp": timestamp(self._clock()), "generation": 1}
        return self._update(plural, raw)

    def _update(self, plural: str, new: Raw) -> Raw:
        key = new["metadata"]["namespace"], new["metadata"]["name"]
        old = self._objects[plural].get(key)
        if old is not None and old == new:
            return old  # The API server writes nothing that changes nothing.
        if old is not None and old.get("spec") != new.get("spec"):
            new["metadata"]["generation"] += 1
        new["metadata"]["resourceVersion"] = str(next(self._numbers))
        self._objects[plural][key] = new
        self._tell(plural, new)
        return new

    def _tell(self, plural: str, raw: Raw, *, deleted: bool = False) -> None:
        if plural in ("jobs", "pods"):
            self._tell_selected(plural, raw, deleted=deleted)
        elif plural == names.PLURAL and self._simulationjobs_sink:
            sink = self._simulationjobs_sink
            (sink.deleted if deleted else sink.seen)(copy.deepcopy(raw))

    def _tell_selected(self, plural: str, raw: Raw, *, deleted: bool) -> None:
        """Report what a watch with a label selector does: an object that loses the label is gone, in its last state."""
        uid, version = raw["metadata"]["uid"], raw["metadata"]["resourceVersion"]
        before = self._selected.pop(uid, None)
        if names.LABEL_UID in raw["metadata"].get("labels", {}) and not deleted:
            self._selected[uid] = copy.deepcopy(raw)
        elif names.LABEL_UID not in raw["metadata"].get("labels", {}):
            if before is None:
                return
            raw, deleted = {**before, "metadata": {**before["metadata"], "resourceVersion": version}}, True
        if plural == "jobs" and self._jobs_sink:
            job = msgspec.convert(raw, Job)
            (self._jobs_sink.delete if deleted else self._jobs_sink.upsert)(job)
        elif plural == "pods" and self._pods_sink:
            pod = msgspec.convert(raw, Pod)
            (self._pods_sink.delete if deleted else self._pods_sink.upsert)(pod)


def _has_ended(raw: Raw) -> bool:
    return raw.get("status", {}).get("phase") in ("Succeeded", "Failed")
