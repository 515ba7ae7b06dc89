"""A cluster in memory: it keeps objects as JSON and refuses what the API server refuses.

tests/contract runs one suite against this and against a real API server. What plays the kubelet, the scheduler and
people with kubectl is in fakeobjects.py.
"""

import copy
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from simjob.api import names
from simjob.core.facts import jobs, pods
from simjob.core.facts.apiobjects import Job, Meta, Owner, Pod, Workload
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.waiting.notstarting import PodEvent
from simjob.runtime.client import errors
from simjob.runtime.cluster.calls import ConfigMap, Event, StoredJob, Unlabelled
from worlds.fakeobjects import FakeObjects, Raw
from worlds.fakerules import check_config_map, check_job_status, check_simulationjob, check_template, merged, timestamp


class FakeCluster(FakeObjects):
    """A cluster in memory with the calls of the operator."""

    async def create_job(self, namespace: str, body: bytes) -> StoredJob:
        self._enter("create_job")
        raw: Raw = msgspec.json.decode(body)
        check_template(raw)
        uid = f"uid-{next(self._numbers)}"
        raw["metadata"]["uid"] = uid
        own = {names.LABEL_JOB_UID: uid, "batch.kubernetes.io/job-name": raw["metadata"]["name"]}
        labels = raw["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
        labels.update(own | {"controller-uid": uid, "job-name": raw["metadata"]["name"]})
        raw["spec"] = {"completions": 1, "parallelism": 1, "backoffLimit": 6, "suspend": False} | raw["spec"]
        raw["spec"]["selector"] = {"matchLabels": {names.LABEL_JOB_UID: uid}}
        return _stored(self._create("jobs", namespace, raw))

    async def get_job(self, namespace: str, name: str) -> StoredJob:
        self._enter("get_job")
        return _stored(self._object("jobs", namespace, name))

    async def annotate_job(self, namespace: str, name: str, uid: str, annotations: Mapping[str, str | None]) -> JobFact:
        self._enter("annotate_job")
        old = self._object("jobs", namespace, name, uid)
        return _job(self._update("jobs", merged(old, {"metadata": {"annotations": dict(annotations)}})))

    async def label_job(self, namespace: str, name: str, uid: str, owner_uid: str) -> JobFact:
        self._enter("label_job")
        old = self._object("jobs", namespace, name, uid)
        return _job(self._update("jobs", merged(old, {"metadata": {"labels": {names.LABEL_UID: owner_uid}}})))

    async def write_job_status(self, namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
        self._enter("write_job_status")
        old = self._object("jobs", namespace, name, uid)
        new = merged(old, {"status": dict(status)})
        check_job_status(old.get("status", {}), new["status"])
        return _job(self._update("jobs", new))

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        self._enter("delete_job")
        if self._has("jobs", namespace, name, uid):
            self.remove("jobs", namespace, name)

    async def create_pod(self, namespace: str, body: bytes) -> PodFact:
        self._enter("create_pod")
        raw: Raw = msgspec.json.decode(body)
        raw["status"] = {"phase": "Pending"}
        raw["metadata"].pop("uid", None)
        return self._pod(self._create("pods", namespace, raw))

    async def get_pod(self, namespace: str, name: str, owner_uid: str = "") -> PodFact:
        self._enter("get_pod")
        return self._pod(self._object("pods", namespace, name), owner_uid)

    async def label_pod(self, namespace: str, name: str, uid: str, owner_uid: str) -> PodFact:
        self._enter("label_pod")
        old = self._object("pods", namespace, name, uid)
        patch = {"metadata": {"labels": {names.LABEL_UID: owner_uid}}}
        return self._pod(self._update("pods", merged(old, patch)), owner_uid)

    async def limit_pod(self, namespace: str, name: str, uid: str, seconds: int) -> PodFact:
        self._enter("limit_pod")
        raw = copy.deepcopy(self._object("pods", namespace, name, uid))
        before = raw["spec"].get("activeDeadlineSeconds")
        if before is not None and seconds > before:
            raise errors.InvalidError("spec.activeDeadlineSeconds: must be less", code=422, reason="Invalid")
        raw["spec"]["activeDeadlineSeconds"] = seconds
        return self._pod(self._update("pods", raw))

    async def delete_pod(self, namespace: str, name: str, uid: str) -> PodFact | None:
        self._enter("delete_pod")
        if not self._has("pods", namespace, name, uid):
            return None
        raw = copy.deepcopy(self._object("pods", namespace, name))
        # Without a node, or once it has ended, a pod needs no kubelet to go.
        at_once = "nodeName" not in raw["spec"] or raw["status"]["phase"] in ("Succeeded", "Failed")
        grace = 0 if at_once else raw["spec"].get("terminationGracePeriodSeconds", 30)
        raw["metadata"] |= {"deletionTimestamp": timestamp(self._clock()), "deletionGracePeriodSeconds": grace}
        fact = self._pod(self._update("pods", raw))
        if at_once:
            self.remove("pods", namespace, name)
        return fact

    async def list_pods(self, namespace: str, owner_uid: str, *, live_only: bool) -> Sequence[PodFact]:
        self._enter("list_pods")
        raws = [msgspec.convert(raw, Pod) for raw in self._of("pods", namespace, owner_uid)]
        found = [fact for raw in raws if (fact := pods.pod_fact(raw, self._clock()))]
        return [pod for pod in found if not (live_only and pod.ended)]

    async def list_earlier_pods(self, namespace: str, name_label: str, owner_uid: str) -> Sequence[PodFact]:
        self._enter("list_earlier_pods")
        raws = [raw for raw in self._in("pods", namespace) if _labels(raw).get(names.LABEL_NAME) == name_label]
        others = [raw for raw in raws if _labels(raw).get(names.LABEL_UID, owner_uid) != owner_uid]
        found = [pods.pod_fact(msgspec.convert(raw, Pod), self._clock()) for raw in others]
        return [pod for pod in found if pod and not pod.ended]

    async def list_pod_events(self, namespace: str, uid: str) -> Sequence[PodEvent]:
        self._enter("list_pod_events")
        return [event for place, of, event in self.pod_events if (place, of) == (namespace, uid)]

    async def list_workloads(self, namespace: str, job_uids: Sequence[str]) -> Sequence[Workload]:
        self._enter("list_workloads")
        if not self.serves_workloads:
            raise errors.UnavailableError("404 page not found", code=404)
        found = (msgspec.convert(raw, Workload) for raw in self._in(names.KUEUE_WORKLOADS, namespace))
        return [workload for workload in found if workload.of in job_uids]

    async def list_jobs(self, namespace: str, owner_uid: str) -> Sequence[JobFact]:
        self._enter("list_jobs")
        raws = [msgspec.convert(raw, Job) for raw in self._of("jobs", namespace, owner_uid)]
        return [fact for raw in raws if (fact := jobs.job_fact(raw))]

    async def list_unlabelled(self, namespace: str) -> Unlabelled:
        self._enter("list_unlabelled")
        jobs, pods = (
            [_meta(raw) for raw in self._in(kind, namespace) if names.LABEL_UID not in _labels(raw)]
            for kind in ("jobs", "pods")
        )
        return Unlabelled(jobs=jobs, pods=pods)

    async def get_config_map(self, namespace: str, name: str) -> ConfigMap:
        self._enter("get_config_map")
        return _config_map(self._object("configmaps", namespace, name))

    async def create_config_map(self, namespace: str, body: bytes) -> ConfigMap:
        self._enter("create_config_map")
        raw: Raw = msgspec.json.decode(body)
        check_config_map(raw)
        return _config_map(self._create("configmaps", namespace, raw))

    async def write_config_map(
        self,
        namespace: str,
        name: str,
        uid: str,
        resource_version: str,
        data: Mapping[str, str],
        metadata: Mapping[str, Any] | None = None,
    ) -> ConfigMap:
        self._enter("write_config_map")
        old = self._object("configmaps", namespace, name, uid)
        if old["metadata"]["resourceVersion"] != resource_version:
            raise errors.ConflictError("the object has been modified", code=409, reason="Conflict")
        new = merged(old, {"data": dict(data), "metadata": dict(metadata or {})})
        check_config_map(new)
        return _config_map(self._update("configmaps", new))

    async def get_simulationjob(self, namespace: str, name: str) -> Raw:
        self._enter("get_simulationjob")
        return copy.deepcopy(self._object(names.PLURAL, namespace, name))

    async def patch_simulationjob_status(
        self, namespace: str, name: str, resource_version: str, status: Mapping[str, Any]
    ) -> str:
        self._enter("patch_simulationjob_status")
        old = self._object(names.PLURAL, namespace, name)
        if old["metadata"]["resourceVersion"] != resource_version:
            raise errors.ConflictError("the object has been modified", code=409, reason="Conflict")
        new = merged(old, {"status": dict(status)})
        check_simulationjob(old, new)
        version: str = self._update(names.PLURAL, new)["metadata"]["resourceVersion"]
        return version

    async def delete_simulationjob(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        self._enter("delete_simulationjob")
        if not self._has(names.PLURAL, namespace, name, uid):
            return
        if self._object(names.PLURAL, namespace, name)["metadata"]["resourceVersion"] != resource_version:
            raise errors.ConflictError("the object has been modified", code=409, reason="Conflict")
        self.remove(names.PLURAL, namespace, name)

    async def create_event(self, event: Event) -> None:
        self._enter("create_event")
        self._need_namespace(event.namespace)
        self.events.append(event)

    def _pod(self, raw: Raw, owner_uid: str = "") -> PodFact:
        fact = pods.pod_fact(msgspec.convert(raw, Pod), self._clock(), owner_uid)
        if fact is None:
            raise errors.NotOursError("not one of ours", code=404)
        return fact


def _job(raw: Raw) -> JobFact:
    fact = jobs.job_fact(msgspec.convert(raw, Job))
    if fact is None:
        raise errors.NotOursError("not one of ours", code=404)
    return fact


def _stored(raw: Raw) -> StoredJob:
    return StoredJob(fact=_job(raw), template=msgspec.Raw(msgspec.json.encode(raw["spec"]["template"])))


def _config_map(raw: Raw) -> ConfigMap:
    meta = raw["metadata"]
    return ConfigMap(
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        owners=msgspec.convert(meta.get("ownerReferences", ()), tuple[Owner, ...]),
        labels=dict(meta.get("labels", {})),
        annotations=dict(meta.get("annotations", {})),
        data=dict(raw.get("data", {})),
        binary={key: b64decode(value) for key, value in raw.get("binaryData", {}).items()},
    )


def _meta(raw: Raw) -> Meta:
    return msgspec.convert(raw["metadata"], Meta)


def _labels(raw: Raw) -> dict[str, str]:
    found: dict[str, str] = raw["metadata"].get("labels", {})
    return found
